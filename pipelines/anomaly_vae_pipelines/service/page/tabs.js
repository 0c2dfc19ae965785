// The tabs of the page "/": the part after # in its address names the one that is shown.

import { byId } from "./dom.js";

const NAMES = ["overview", "score"];

function show() {
  const shownName = location.hash === "#score" ? "score" : "overview";
  for (const name of NAMES) {
    const tab = byId(`tab-${name}`);
    tab.setAttribute("aria-selected", String(name === shownName));
    tab.tabIndex = name === shownName ? 0 : -1;
    byId(`panel-${name}`).hidden = name !== shownName;
  }
  dispatchEvent(new Event("resize"));
}

for (const name of NAMES) {
  byId(`tab-${name}`).onclick = () => { location.hash = name; };
  byId(`tab-${name}`).onkeydown = (event) => {
    if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
    const other = NAMES.find((one) => one !== name);
    location.hash = other;
    byId(`tab-${other}`).focus();
  };
}
addEventListener("hashchange", show);
show();
