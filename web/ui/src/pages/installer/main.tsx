import { render } from "preact";
import { Api } from "../../ui/api";
import { Key } from "../../ui/key";
import { App } from "./page";
import { Installer } from "./store";
import "../../ui/style.css";

const key = new Key("installer", sessionStorage);
const installer = new Installer(key, new Api(key));
installer.start();
const root = document.getElementById("app");
if (root) render(<App installer={installer} />, root);
