// Keeps the driver's pages and their files, so that a stop opens without a network.
"use strict";
const NAME = "xiangyun-1";
self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(NAME).then((c) => c.addAll(["/assets/style.css", "/assets/driver.js"])).then(() => self.skipWaiting()));
});
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  const path = new URL(event.request.url).pathname;
  if (event.request.method !== "GET" || !(path.startsWith("/d/") || path.startsWith("/assets/"))) return;
  event.respondWith((async () => {
    const kept = await caches.open(NAME);
    try {
      const fresh = await fetch(event.request);
      if (fresh.ok && !fresh.redirected) kept.put(event.request, fresh.clone());
      return fresh;
    } catch {
      return (await kept.match(event.request)) || new Response("离线，且未曾打开过此页 offline, and this page was never opened", { status: 503, headers: { "content-type": "text/plain; charset=utf-8" } });
    }
  })());
});
