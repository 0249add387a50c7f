# What all stages begin with. A release pins it: --build-arg NODE_IMAGE=node:24-trixie-slim@sha256:…
ARG NODE_IMAGE=node:24-trixie-slim
FROM ${NODE_IMAGE} AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
# Install scripts fetch what only tests need; the builder's platform binary comes without one.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json ./
COPY src src
COPY sidecar sidecar
COPY certs certs
COPY test/tools/build.ts test/tools/build.ts
RUN node test/tools/build.ts webhook runner

FROM ${NODE_IMAGE} AS webhook
WORKDIR /app
COPY --from=build /src/dist/webhook*.js /src/dist/libpg-query.wasm /app/
USER 65532:65532
# Many short-lived objects, two processors and little memory (npm run bench): a young space that holds the few reviews
# that are let in at once and is collected while the old one is marked, else it grows by what comes meanwhile; one thread
# that collects, one allocator arena.
ENV NODE_ENV=production MALLOC_ARENA_MAX=1
CMD ["/usr/local/bin/node", "--max-old-space-size=192", "--max-semi-space-size=4", "--no-separate-gc-phases", "--v8-pool-size=1", "/app/webhook.js"]

FROM ${NODE_IMAGE} AS runner
WORKDIR /app
COPY --from=build /src/dist/runner* /src/dist/libpg-query.wasm /app/
# What Node compiles of the runner stays in the image, for the user under which it runs (another compiles it again): a run
# without its configuration ends at once, with 14.
ENV NODE_ENV=production NODE_COMPILE_CACHE=/app/compiled
RUN install -d -o 65532 -g 65532 /app/compiled
USER 65532:65532
RUN LOCKKEEPER_TERMINATION_LOG=/dev/null node /app/runner.js; test $? -eq 14
CMD ["/usr/local/bin/node", "/app/runner.js"]
