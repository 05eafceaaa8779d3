// Small comforts. Every page works without them.
"use strict";
(() => {
  document.documentElement.classList.add("js");
  const fold = document.querySelector("button.fold");
  const nav = document.getElementById("nav");
  if (fold && nav) {
    fold.hidden = false;
    fold.addEventListener("click", () => {
      const open = fold.getAttribute("aria-expanded") !== "true";
      fold.setAttribute("aria-expanded", String(open));
      nav.classList.toggle("open", open);
    });
  }
  document.addEventListener("keydown", (event) => {
    const typing = event.target instanceof Element && event.target.closest("input, textarea, select, [contenteditable]");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      const search = document.getElementById("q");
      search.focus();
      search.select();
    }
  });
  // A page that refreshes itself leaves alone who is busy in it, and rests while nobody looks.
  document.addEventListener("htmx:beforeRequest", (event) => {
    const part = event.target;
    const busy = part.contains(document.activeElement) && document.activeElement.matches("button, input, select, textarea");
    const chosen = part.querySelector("details[open]");
    if (document.hidden || busy || chosen) {
      event.preventDefault();
    }
  });
  document.addEventListener("change", (event) => {
    const all = event.target.closest("[data-selects]");
    if (all) {
      for (const box of all.form.querySelectorAll(`input[name="${all.dataset.selects}"]`)) {
        box.checked = all.checked;
      }
    }
    const form = event.target.closest("form");
    const counted = form && form.querySelector("[data-counts]");
    if (counted) {
      const number = form.querySelectorAll(`input[name="${counted.dataset.counts}"]:checked`).length;
      counted.textContent = number ? `(${number})` : "";
    }
  });
  for (const all of document.querySelectorAll("[data-selects]")) {
    all.hidden = false;
  }
  // Nothing is asked for twice by a double click.
  document.addEventListener("submit", (event) => {
    if (event.target.method === "post" && event.target.dataset.sent) {
      event.preventDefault();
    }
    event.target.dataset.sent = "yes";
  });
  window.addEventListener("pageshow", () => {
    for (const form of document.forms) {
      delete form.dataset.sent;
    }
  });
})();
