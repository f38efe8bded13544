"""The parts of a stack: what each runs, where it listens, and how to tell that it is ready."""
