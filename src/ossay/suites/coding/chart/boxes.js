// `put` draws a box, `write` a text at a point; both know nothing of charts.
const main = document.querySelector("main");
function put(x, y, width, height, fill) {
  const box = document.createElement("div");
  box.style.cssText = `left:${x}px;top:${y}px;width:${width}px;height:${height}px;background:${fill}`;
  main.append(box);
  return box;
}
function write(x, y, words, anchor = "start", size = 13) {
  const box = document.createElement("div");
  const shift = { start: "0", middle: "-50%", end: "-100%" }[anchor];
  box.style.cssText = `left:${x}px;top:${y}px;font-size:${size}px;transform:translate(${shift},-50%)`;
  box.textContent = words;
  main.append(box);
}
