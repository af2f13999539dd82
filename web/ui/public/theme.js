// Before anything is drawn: the colours and the language that were chosen in this browser.
try {
  const look = localStorage.getItem("theme");
  if (look === "light" || look === "dark") document.documentElement.dataset.theme = look;
  const language = localStorage.getItem("language");
  if (language) document.documentElement.lang = language;
} catch {
  // Without storage the pages look as the device does.
}
