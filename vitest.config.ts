import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/cluster.ts'],
    reporters: ['default', './test/support/plain-line-reporter.ts'],
    // Long enough for a machine that is busy with other things; what holds is seen at once.
    expect: { poll: { timeout: 25_000, interval: 20 } },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
})
