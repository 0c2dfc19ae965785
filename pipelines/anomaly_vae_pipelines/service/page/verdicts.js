// Two buttons: what a person says about a row. The one that is pressed withdraws it.

import { make, showProblem } from "./dom.js";

/** The buttons of a row; `known` maps keys of rows to what was said, `send` stores what is said now. */
export function verdictButtons(known, key, send, problem) {
  const say = async (word) => {
    showProblem(problem, null);
    const said = known.get(key) === word ? "" : word;
    for (const button of buttons) button.disabled = true;
    try {
      await send(said);
      known.set(key, said);
    } catch (error) {
      showProblem(problem, error);
    } finally {
      for (const button of buttons) button.disabled = false;
      press();
    }
  };
  const buttons = ["normal", "anomalous"].map((word) =>
    make("button", { type: "button", onclick: () => say(word) }, word));
  const press = () => {
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.textContent === known.get(key)));
  };
  press();
  return buttons;
}
