// Apply the marks of a map to every drawing of it: states, running instances, words, and how thick a line is.
function applyMarks(root, marks) {
  for (const element of root.querySelectorAll("[data-key]")) {
    const mark = marks[element.dataset.key];
    if (!mark) continue;
    element.dataset.state = mark.state;
    if ("flow" in mark) element.dataset.flow = mark.flow;
    const tag = element.querySelector(".tag");
    if (tag && tag.textContent !== (mark.tag || "")) tag.textContent = mark.tag || "";
    element.querySelectorAll(".pip").forEach((pip, index) => { pip.dataset.on = index < mark.up ? 1 : 0; });
  }
}
