# Builds the `apus` command line and the digits demo, and packs them with the few shared libraries they need.
#
#   docker build --tag apus . && docker run --rm apus        the demo
#   docker run --rm --volume "$PWD:/data" apus apus info /data/model.pt2
#
#   docker build --target server --tag apus-server . && docker run --rm --publish 8000:8000 --publish 8001:8001 --volume "$PWD/models:/models:ro" apus-server
#
# Both base images and every Debian package are pinned; the same sources give the same binaries (Scripts/check-reproducible).
ARG BUILD_IMAGE=swift:6.3.1-bookworm
ARG RUN_IMAGE=debian:12-slim

FROM ${BUILD_IMAGE} AS sources
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
        libopenblas-dev=0.3.21+ds-4 \
        liblapacke-dev=3.11.0-2 \
        libzip-dev=1.7.3-1+b1 \
        libdeflate-dev=1.14-1 \
        pkg-config=1.8.1-1 \
        zlib1g-dev=1:1.2.13.dfsg-1 \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY . .

FROM sources AS build
RUN Scripts/build-release /build/artefacts

FROM sources AS build-server
RUN Scripts/build-release /build/artefacts apus-server

FROM ${RUN_IMAGE} AS run
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
        libopenblas0-pthread=0.3.21+ds-4 \
        liblapacke=3.11.0-2 \
        libzip4=1.7.3-1+b1 \
        libdeflate0=1.14-1 \
    && rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log \
    && useradd --system --uid 10001 --home-dir /var/lib/apus --create-home apus

FROM run AS server
COPY --from=build-server /build/artefacts/apus-server /usr/local/bin/
USER apus
WORKDIR /var/lib/apus
# HTTP and gRPC.
EXPOSE 8000 8001
# The image has no client of HTTP; bash can open a connection. With --tls-certificate it takes another check: docker run --health-cmd.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8000 && printf 'GET /v2/health/ready HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 && grep --quiet ' 200 ' <&3"]
ENTRYPOINT ["apus-server", "--models", "/models", "--host", "0.0.0.0"]

FROM run
COPY --from=build /build/artefacts/apus /build/artefacts/digits /usr/local/bin/
COPY --from=build /build/Examples/Data /usr/local/share/apus
USER apus
WORKDIR /var/lib/apus
# No entry point: `docker run apus` is the demo, `docker run apus apus --help` the command line.
CMD ["digits", "--data", "/usr/local/share/apus/digits.npy", "--output", "/var/lib/apus"]
