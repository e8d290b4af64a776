import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'
import solid from 'vite-plugin-solid'

// While working on it (`npm run dev`) everything but the application comes from a server that runs beside.
const server = process.env['PALABRE_URL'] ?? 'http://127.0.0.1:8080'

export default defineConfig({
  plugins: [solid()],
  resolve: {
    // From its sources: nothing has to be built first.
    alias: { '@palabre/client': fileURLToPath(new URL('../client/src/index.ts', import.meta.url)) },
  },
  build: {
    target: 'es2022',
    // The page's policy allows no `data:` but for pictures.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: { proxy: { '/api': server, '/app.json': server, '/ws': { target: server, ws: true } } },
})
