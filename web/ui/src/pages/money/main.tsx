import { render } from "preact";
import { Api } from "../../ui/api";
import { Key } from "../../ui/key";
import { App } from "./page";
import { Money } from "./store";
import "../../ui/style.css";
import "./money.css";

const key = new Key("operator", sessionStorage);
const money = new Money(key, new Api(), new Api(key), location.hash);
window.addEventListener("hashchange", () => money.go(location.hash));
const root = document.getElementById("app");
if (root) render(<App money={money} />, root);
void money.follow();
