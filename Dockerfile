# One image for every worker and for the command line; docs/operations/container.md says how to run it.
FROM node:24-bookworm-slim AS packages
WORKDIR /srv/fleet
COPY package.json package-lock.json .npmrc ./
# Without the embedded PostgreSQL and the Node.js that npm would bring: the image has one.
RUN npm ci --omit=dev --omit=optional --ignore-scripts && npm cache clean --force

FROM node:24-bookworm-slim
ENV NODE_ENV=production \
    NODE_COMPILE_CACHE=/tmp/compiled \
    METRICS_HOST=0.0.0.0 \
    METRICS_PORT=9464
WORKDIR /srv/fleet
COPY --from=packages /srv/fleet/node_modules node_modules
COPY package.json ./
COPY bin bin
COPY migrations migrations
COPY src src
COPY workers workers
USER node
EXPOSE 9464
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.METRICS_PORT}/healthz`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "workers/email.ts"]
