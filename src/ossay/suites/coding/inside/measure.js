// What can be measured of a page: its marked bars and its visible texts. An expression that
// Chromium evaluates in a world of its own, so the page's scripts cannot get in between.
(width, height) => {
  const MOST = 1500;
  const brush = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const round = (number) => Math.round(number * 10) / 10;
  const box_of = (rect) => [rect.left, rect.top, rect.right, rect.bottom].map(round);

  // [red, green, blue, opacity from 0 to 1]; null where it is no plain colour.
  function colour(text) {
    if (!text || text === "none" || text.startsWith("url")) return null;
    brush.clearRect(0, 0, 1, 1);
    brush.fillStyle = text;
    brush.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = brush.getImageData(0, 0, 1, 1).data;
    return [red, green, blue, alpha / 255];
  }

  const shown = (element) =>
    element.checkVisibility({ opacityProperty: true, visibilityProperty: true, contentVisibilityAuto: true });

  // Cut down to nothing, as is done with what only screen readers shall find.
  function unseen(element) {
    return [...above(element)].some((one) => {
      const { clip, clipPath, position } = getComputedStyle(one);
      const edges = clip.match(/-?[\d.]+/g)?.map(Number);
      const small = edges?.length === 4 && (edges[2] - edges[0] < 2 || edges[1] - edges[3] < 2);
      if (small && ["absolute", "fixed"].includes(position)) return true;
      const inset = clipPath.match(/^inset\(([\d.]+)%/);
      return inset !== null && Number(inset[1]) >= 50;
    });
  }

  function* above(element) {
    for (let one = element; one; one = one.parentElement) yield one;
  }

  // A mark may be a group with one shape in it.
  function shape(element) {
    if (element.localName !== "g" && element.localName !== "svg") return element;
    const inside = element.querySelectorAll("rect, path, polygon, line");
    return inside.length === 1 ? inside[0] : element;
  }

  const bars = [...document.querySelectorAll("[data-model][data-benchmark]")].slice(0, MOST).map((mark) => {
    const element = shape(mark);
    return {
      model: mark.dataset.model.slice(0, 100),
      benchmark: mark.dataset.benchmark.slice(0, 100),
      box: box_of(clipped(element, element.getBoundingClientRect())),
      shown: shown(element),
    };
  });

  // What is left of a rectangle where elements above hide what does not fit into them.
  function clipped(element, rect) {
    let { left, top, right, bottom } = rect;
    for (const one of above(element)) {
      if (one === document.body || one === document.documentElement) break;
      const style = getComputedStyle(one);
      if (style.overflowX === "visible" && style.overflowY === "visible") continue;
      if (style.display === "inline") continue;
      if (one.ownerSVGElement) continue;
      const room = one.getBoundingClientRect();
      [left, top] = [Math.max(left, room.left), Math.max(top, room.top)];
      [right, bottom] = [Math.min(right, room.right), Math.min(bottom, room.bottom)];
    }
    return { left, top, right: Math.max(left, right), bottom: Math.max(top, bottom) };
  }

  // The four corners of a text that is turned; null where it stands upright. `rect` encloses it.
  function turned(element, rect) {
    if (element.getScreenCTM) {
      const matrix = element.getScreenCTM();
      if (!matrix || (Math.abs(matrix.b) < 0.01 && Math.abs(matrix.c) < 0.01)) return null;
      const { x, y, width: w, height: h } = element.getBBox();
      return [[x, y], [x + w, y], [x + w, y + h], [x, y + h]].map(([a, b]) => {
        const point = new DOMPoint(a, b).matrixTransform(matrix);
        return [round(point.x), round(point.y)];
      });
    }
    const turns = new DOMMatrix();
    for (const one of above(element)) {
      const { transform, rotate } = getComputedStyle(one);
      if (transform !== "none") turns.preMultiplySelf(new DOMMatrix(transform));
      if (rotate && rotate !== "none") turns.preMultiplySelf(new DOMMatrix(`rotate(${rotate})`));
    }
    const angle = Math.atan2(turns.b, turns.a);
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    if (Math.abs(sin) < 0.01) return null;
    // One line of text: its height is that of the font, its width follows from what encloses it.
    const h = Number.parseFloat(getComputedStyle(element).fontSize) * scale(element) * 1.17;
    const [c, s] = [Math.abs(cos), Math.abs(sin)];
    const w = Math.max(0, c > s ? (rect.width - h * s) / c : (rect.height - h * c) / s);
    const [x, y] = [(rect.left + rect.right) / 2, (rect.top + rect.bottom) / 2];
    return [[-w, -h], [w, -h], [w, h], [-w, h]].map(([a, b]) => [round(x + (cos * a - sin * b) / 2), round(y + (sin * a + cos * b) / 2)]);
  }

  // How many pixels of the screen one of the element's own is.
  function scale(element) {
    if (element.getScreenCTM) {
      const matrix = element.getScreenCTM();
      return matrix ? Math.sqrt(Math.abs(matrix.a * matrix.d - matrix.b * matrix.c)) : 1;
    }
    let factor = 1;
    for (const one of above(element)) {
      const { transform, scale: own } = getComputedStyle(one);
      const matrix = transform === "none" ? null : new DOMMatrix(transform);
      if (matrix) factor *= Math.sqrt(Math.abs(matrix.a * matrix.d - matrix.b * matrix.c));
      if (own && own !== "none") factor *= Number.parseFloat(own) || 1;
    }
    return factor;
  }

  function look(element) {
    const style = getComputedStyle(element);
    const drawn = Boolean(element.ownerSVGElement);
    const found = colour(drawn ? style.fill : style.webkitTextFillColor || style.color);
    if (!found) return { ink: null, font: Number.parseFloat(style.fontSize) * scale(element) };
    let opacity = found[3] * (drawn ? Number.parseFloat(style.fillOpacity) : 1);
    for (const one of above(element)) opacity *= Number.parseFloat(getComputedStyle(one).opacity);
    return { ink: [...found.slice(0, 3), opacity], font: Number.parseFloat(style.fontSize) * scale(element) };
  }

  const UNSEEN = "script, style, template, noscript, title, desc, metadata, defs, option, textarea";
  const texts = [];
  const walker = document.createTreeWalker(document.body ?? document.documentElement, NodeFilter.SHOW_TEXT);
  while (walker.nextNode() && texts.length < MOST) {
    const node = walker.currentNode;
    const element = node.parentElement;
    if (!node.data.trim() || !element || element.closest(UNSEEN) || !shown(element) || unseen(element)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const rects = [...range.getClientRects()].filter((rect) => rect.width > 0.5 && rect.height > 0.5);
    if (rects.length === 0) continue;
    const style = look(element);
    const full = range.getBoundingClientRect();
    const corners = turned(element, full);
    const left = clipped(element, full);
    if (left.right - left.left < 2 || left.bottom - left.top < 2) continue;
    texts.push({
      text: node.data.slice(0, 300),
      box: box_of(left),
      cut: full.width - (left.right - left.left) > 3,
      lines: corners ? [corners] : rects.slice(0, 40).map((r) => [[r.left, r.top], [r.right, r.top], [r.right, r.bottom], [r.left, r.bottom]].map((p) => p.map(round))),
      ink: style.ink,
      font: round(style.font),
    });
  }
  const root = document.documentElement;
  return {
    bars,
    texts,
    canvases: document.querySelectorAll("canvas").length,
    page: [Math.max(root.scrollWidth, width), Math.max(root.scrollHeight, height)],
  };
}
