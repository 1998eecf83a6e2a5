import { render } from "preact";
import { App } from "./app";
import { beginRouting } from "./route";
import { beginServer } from "./server";
import { beginTheme } from "./theme";
import "./styles/index.css";

beginTheme();
beginRouting();
beginServer();
const place = document.getElementById("app");
if (place) {
  render(<App />, place);
}
