import { render } from "preact";
import { App } from "./views/App";

const place = document.getElementById("console");
if (place) {
  place.replaceChildren();
  render(<App />, place);
}
