// What is there without a connection: the files of which the pages are made, and one page that says that
// nothing can be asked. What the community says is never kept: an old number would look like a new one.
const cache = "pages-1";
const always = ["/offline.html", "/offline.css", "/offline.js", "/theme.js", "/icon.svg"];
const most = 80; // files of built pages; the oldest go first

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(cache).then((kept) => kept.addAll(always)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const others = async () => Promise.all((await caches.keys()).filter((name) => name !== cache).map((name) => caches.delete(name)));
  event.waitUntil(others().then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== location.origin || pathname.startsWith("/api/")) return;
  if (request.mode === "navigate") event.respondWith(fetch(request).catch(() => caches.match("/offline.html")));
  else if (pathname.startsWith("/assets/")) event.respondWith(built(request));
  else if (always.includes(pathname)) event.respondWith(fetch(request).catch(() => caches.match(pathname)));
});

/** built is a file whose name says what is in it, so that a kept one is never old. */
async function built(request) {
  const known = await caches.match(request);
  if (known) return known;
  const answer = await fetch(request);
  if (answer.ok) {
    const kept = await caches.open(cache);
    await kept.put(request, answer.clone());
    const files = (await kept.keys()).filter((r) => new URL(r.url).pathname.startsWith("/assets/"));
    await Promise.all(files.slice(0, Math.max(0, files.length - most)).map((r) => kept.delete(r)));
  }
  return answer;
}

// What somebody asked to be told comes encrypted for this browser; it is shown even where no page is open.
self.addEventListener("push", (event) => {
  const { title, text, tag, open, off } = event.data.json();
  event.waitUntil(self.registration.showNotification(title, { body: text, tag, icon: "/icon-192.png", data: { open, off }, actions: [{ action: "off", title: navigator.language.startsWith("de") ? "Abstellen" : "Turn off" }] }));
});

self.addEventListener("notificationclick", (event) => {
  const { open, off } = event.notification.data;
  event.notification.close();
  const { pathname, hash } = new URL(event.action === "off" ? off : open);
  event.waitUntil(self.clients.openWindow(pathname + hash));
});
