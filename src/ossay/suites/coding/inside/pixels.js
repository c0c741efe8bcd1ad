// The colours of a picture: of each box the most common one, the mean, and how much of it is another;
// and the most common one of all. An expression that Chromium evaluates in an empty page.
async (picture, boxes) => {
  const bytes = Uint8Array.from(atob(picture), (one) => one.charCodeAt(0));
  const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);

  function common(left, top, right, bottom) {
    const [x, y] = [Math.max(0, Math.floor(left)), Math.max(0, Math.floor(top))];
    const w = Math.min(bitmap.width, Math.ceil(right)) - x;
    const h = Math.min(bitmap.height, Math.ceil(bottom)) - y;
    if (w < 1 || h < 1) return null;
    const { data } = context.getImageData(x, y, w, h);
    const counts = new Map();
    for (let at = 0; at < data.length; at += 4) {
      // 16 steps a channel: what is nearly the same counts as the same
      const key = ((data[at] >> 4) << 8) | ((data[at + 1] >> 4) << 4) | (data[at + 2] >> 4);
      const sum = counts.get(key) ?? [0, 0, 0, 0];
      sum[0] += data[at];
      sum[1] += data[at + 1];
      sum[2] += data[at + 2];
      sum[3] += 1;
      counts.set(key, sum);
    }
    const most = [...counts.values()].reduce((a, b) => (b[3] > a[3] ? b : a));
    const colour = most.slice(0, 3).map((sum) => Math.round(sum / most[3]));
    const sums = [0, 0, 0];
    for (let at = 0; at < data.length; at += 4) for (let c = 0; c < 3; c += 1) sums[c] += data[at + c];
    const mean = sums.map((sum) => Math.round(sum / (data.length / 4)));
    let [other, farthest, distance] = [0, colour, 0];
    for (let at = 0; at < data.length; at += 4) {
      const away = Math.abs(data[at] - colour[0]) + Math.abs(data[at + 1] - colour[1]) + Math.abs(data[at + 2] - colour[2]);
      if (away > 60) other += 1;
      if (away > distance) [farthest, distance] = [[data[at], data[at + 1], data[at + 2]], away];
    }
    return { colour, mean, other, farthest };
  }

  // The commonest colours just outside each side of a box.
  function around([left, top, right, bottom]) {
    const sides = [[left - 4, top, left - 1, bottom], [left, top - 4, right, top - 1], [right + 1, top, right + 4, bottom], [left, bottom + 1, right, bottom + 4]];
    return sides.map((side) => common(...side)?.colour).filter(Boolean);
  }

  function seen(box) {
    const inside = common(...box);
    return inside && { ...inside, around: around(box) };
  }

  return { boxes: boxes.map(seen), ground: common(0, 0, bitmap.width, bitmap.height).colour };
}
