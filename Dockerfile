# One image, the role by command: api (default), worker, relay, edge, migrate, smoke.
FROM node:24-bookworm-slim AS assets
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY src/ments/web/static src/ments/web/static
RUN npm run build

FROM python:3.11-slim-bookworm AS wheels
WORKDIR /build
COPY requirements/app.lock .
RUN python -m venv /opt/ments && /opt/ments/bin/pip install --no-cache-dir --require-hashes -r app.lock
COPY pyproject.toml README.md LICENSE ./
COPY src src
COPY --from=assets /build/src/ments/web/static/dist src/ments/web/static/dist
RUN /opt/ments/bin/pip install --no-cache-dir --no-deps .

FROM python:3.11-slim-bookworm
# The sandbox for every program that opens a member's file. Its version follows the pinned base image.
# hadolint ignore=DL3008
RUN apt-get update \
  && apt-get install -y --no-install-recommends bubblewrap \
  && rm -rf /var/lib/apt/lists/* \
  && useradd --system --create-home --home-dir /var/lib/ments --uid 10001 ments
COPY --from=wheels /opt/ments /opt/ments
ENV PATH=/opt/ments/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    MENTS_HOME=/var/lib/ments \
    MENTS_API_BIND=0.0.0.0
USER 10001
WORKDIR /var/lib/ments
EXPOSE 8000 8080
ENTRYPOINT ["ments"]
CMD ["api"]
