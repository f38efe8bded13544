"""`python -m stack.binaries [NAME …]`: build what the cache lacks and print where it lies."""

import sys

from stack.binaries import COMPONENTS, BinaryError, ensure


def main(names: list[str]) -> int:
    """Ensure the named components, or all of them."""
    try:
        binaries = ensure(names or [component.name for component in COMPONENTS])
    except BinaryError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for name, path in binaries.items():
        sys.stdout.write(f"{name}\t{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
