// Short names for the document.

export const byId = (id) => document.getElementById(id);

// Make an element with properties and children.
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

// Set a text only if it changes: a screen reader would say it again.
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
