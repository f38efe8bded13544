// Makes one tree of elements like another and leaves alone whatever is already the same, so that
// focus, selection, scroll positions and open parts survive.
//
// data-key   which of its siblings an element is, wherever it moved
// data-keep  its children belong to a script
// data-state its state belongs to whoever uses the page

const STATE = new Set(["open", "class", "aria-expanded"]);

export function morph(present, wanted) {
  syncAttributes(present, wanted);
  if (!present.hasAttribute("data-keep")) {
    syncChildren(present, wanted);
  }
}

function syncAttributes(present, wanted) {
  const kept = present.hasAttribute("data-state") ? STATE : new Set();
  for (const { name } of [...present.attributes]) {
    if (!wanted.hasAttribute(name) && !kept.has(name)) {
      present.removeAttribute(name);
    }
  }
  for (const { name, value } of wanted.attributes) {
    if (!kept.has(name) && present.getAttribute(name) !== value) {
      present.setAttribute(name, value);
    }
  }
}

function syncChildren(present, wanted) {
  const keyed = new Map();
  for (const child of present.children) {
    const key = keyOf(child);
    if (key !== null) {
      keyed.set(key, child);
    }
  }
  let next = present.firstChild;
  for (const child of wanted.childNodes) {
    const match = matching(child, next, keyed);
    if (match === null) {
      present.insertBefore(document.importNode(child, true), next);
      continue;
    }
    if (match === next) {
      next = next.nextSibling;
    } else {
      present.insertBefore(match, next);
    }
    if (match.nodeType === Node.ELEMENT_NODE) {
      morph(match, child);
    } else if (match.data !== child.data) {
      match.data = child.data;
    }
  }
  while (next !== null) {
    const after = next.nextSibling;
    next.remove();
    next = after;
  }
}

function matching(wanted, next, keyed) {
  const key = keyOf(wanted);
  if (key !== null) {
    const found = keyed.get(key) ?? null;
    keyed.delete(key);
    return found !== null && found.nodeName === wanted.nodeName ? found : null;
  }
  const same = next !== null && next.nodeType === wanted.nodeType && next.nodeName === wanted.nodeName;
  return same && keyOf(next) === null ? next : null;
}

function keyOf(node) {
  if (node.nodeType !== Node.ELEMENT_NODE) {
    return null;
  }
  return node.id || node.getAttribute("data-key") || null;
}
