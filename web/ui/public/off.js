// The link of a notice turns its kind off at once, without signing in. What it is good for stands behind the #,
// which no server and no log sees; programs that only look at links turn nothing off.
const german = (localStorage.getItem("language") || navigator.language).startsWith("de");
document.documentElement.lang = german ? "de" : "en";
const kinds = german
  ? { price: "zum Preis", device: "über Geräte, die nicht antworten,", bill: "über Rechnungen", vote: "über Abstimmungen", limit: "über Grenzen", key: "über Schlüssel, die ablaufen," }
  : { price: "about prices", device: "about devices that do not answer", bill: "about bills", vote: "about votes", limit: "about limits", key: "about keys that end" };
const channels = german ? { email: "per E-Mail", push: "in Browsern" } : { email: "by e-mail", push: "in browsers" };
const said = document.getElementById("said");
document.getElementById("home").textContent = german ? "Alle Mitteilungen" : "All notices";

async function turnOff() {
  const token = location.hash.slice(1);
  const answer = await fetch(`/api/v1/notices/off?token=${encodeURIComponent(token)}`, { method: "POST" });
  if (!answer.ok) return german ? "Dieser Link gilt hier nicht." : "This link is not good here.";
  const { kind, channel } = await answer.json();
  return german ? `Mitteilungen ${kinds[kind]} ${channels[channel]} sind abgestellt.` : `Notices ${kinds[kind]} ${channels[channel]} are off.`;
}

turnOff().then(
  (text) => (said.textContent = text),
  () => (said.textContent = german ? "Die Gemeinschaft ist nicht erreichbar: Laden Sie die Seite später noch einmal." : "The community cannot be reached: load this page again later."),
);
