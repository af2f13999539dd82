// The language of the pages, and another try as soon as there is a network again.
const german = (document.documentElement.lang !== "en" ? document.documentElement.lang : localStorage.getItem("language") || navigator.language).startsWith("de");
document.getElementById("de").hidden = !german;
document.getElementById("en").hidden = german;
if (german) document.title = "Keine Verbindung · Commonwatt";
document.documentElement.lang = german ? "de" : "en";
for (const link of document.querySelectorAll("a")) link.href = location.href;
addEventListener("online", () => location.reload());

/** again tries whether the community answers, whatever it says: a network that is there again does not say that it is. */
async function again() {
  try {
    await fetch("/api/v1/session", { cache: "no-store" });
  } catch {
    return; // not yet
  }
  location.reload();
}
setInterval(() => void again(), 3000);
