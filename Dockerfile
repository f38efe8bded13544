# The gateway's image: locked dependencies, one user without rights, nothing to build with.
ARG PYTHON_IMAGE=python:3.12.14-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 UV_NO_CACHE=1 UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy
WORKDIR /build
RUN python -m venv /opt/tools && python -m venv --without-pip /opt/gaugeway
# Dependencies change seldom and the source often, so they are layers of their own.
COPY requirements/bootstrap.lock requirements/runtime.lock requirements/
RUN /opt/tools/bin/pip install --quiet --require-hashes -r requirements/bootstrap.lock
RUN /opt/tools/bin/uv pip install --quiet --python /opt/gaugeway/bin/python --require-hashes -r requirements/runtime.lock
COPY . .
RUN (cd otel && /opt/tools/bin/hatchling build -t wheel -d /wheels) \
 && /opt/tools/bin/hatchling build -t wheel -d /wheels \
 && /opt/tools/bin/uv pip install --quiet --python /opt/gaugeway/bin/python --no-deps --offline /wheels/*.whl \
 && install --mode=0555 compose/serve.sh /opt/gaugeway/bin/serve

FROM ${PYTHON_IMAGE}
# A fixed number, so that a volume's owner stays right from image to image.
RUN groupadd --system --gid 10001 gaugeway \
 && useradd --system --uid 10001 --gid 10001 --home-dir /var/lib/gaugeway --shell /usr/sbin/nologin gaugeway \
 && install --directory --owner=10001 --group=10001 --mode=0700 /var/lib/gaugeway
COPY --from=build /opt/gaugeway /opt/gaugeway
ENV PATH=/opt/gaugeway/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    GAUGEWAY_HOME=/var/lib/gaugeway OTEL_SERVICE_NAME=gaugeway
USER 10001:10001
WORKDIR /var/lib/gaugeway
VOLUME ["/var/lib/gaugeway"]
EXPOSE 8080
# More arguments are uvicorn's.
ENTRYPOINT ["serve"]
