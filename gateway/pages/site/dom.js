/** Build elements. No module sets HTML from text, so a text of the document can never become markup. */

/**
 * Return a new element. An attribute that is a function listens to the event of its name, and one that is null,
 * undefined or false is left out, as are such children.
 */
export function element(tag, attributes = {}, ...children) {
  const created = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") created.addEventListener(name, value);
    else if (value !== null && value !== undefined && value !== false)
      created.setAttribute(name, value === true ? "" : value);
  }
  created.append(...present(children));
  return created;
}

export function code(text, className = null) {
  return element("code", { class: className }, text);
}

/** Return a disclosure whose content is built when it opens for the first time. */
export function disclosure({ summary, content, isOpen = false, ...attributes }) {
  const created = element("details", attributes, element("summary", {}, ...present([summary].flat())));
  const fill = () => created.childElementCount === 1 && created.append(...present([content()].flat()));
  created.addEventListener("toggle", () => created.open && fill());
  if (isOpen) {
    fill();
    created.open = true;
  }
  created.fill = fill;
  return created;
}

export function present(children) {
  return children.filter((child) => child !== null && child !== undefined && child !== false && child !== "");
}
