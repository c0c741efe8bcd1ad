// `put` draws a box, `write` a text at a point; both know nothing of charts.
const SPACE = "http://www.w3.org/2000/svg";
const svg = document.createElementNS(SPACE, "svg");
svg.setAttribute("width", 1280);
svg.setAttribute("height", 900);
document.querySelector("main").append(svg);
function put(x, y, width, height, fill) {
  const rect = document.createElementNS(SPACE, "rect");
  for (const [name, value] of Object.entries({ x, y, width, height, fill })) rect.setAttribute(name, value);
  svg.append(rect);
  return rect;
}
function write(x, y, words, anchor = "start", size = 13) {
  const text = document.createElementNS(SPACE, "text");
  for (const [name, value] of Object.entries({ x, y: y + 5, "text-anchor": anchor, "font-size": size, fill: "#1b1f24" })) text.setAttribute(name, value);
  text.textContent = words;
  svg.append(text);
}
