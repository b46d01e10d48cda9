// Numbers as people read them, always of the same width where they change in place.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const one = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });

export const count = (value) => whole.format(value);

export const rate = (value) => (value >= 100 ? whole.format(value) : one.format(value));

export function seconds(value) {
  if (value === null || value === undefined) {
    return "–";
  }
  if (value < 0.01) {
    return `${(value * 1000).toFixed(1)} ms`;
  }
  return value < 1 ? `${Math.round(value * 1000)} ms` : value < 10 ? `${value.toFixed(2)} s` : value < 120 ? `${value.toFixed(1)} s` : duration(value);
}

export function duration(value) {
  const total = Math.floor(value);
  const [days, hours, minutes] = [Math.floor(total / 86400), Math.floor(total / 3600) % 24, Math.floor(total / 60) % 60];
  return days > 0 ? `${days} d ${hours} h` : hours > 0 ? `${hours} h ${minutes} min` : minutes > 0 ? `${minutes} min ${total % 60} s` : `${total} s`;
}

export function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? whole.format(value) : one.format(value)} ${units[unit]}`;
}

export function percent(share) {
  return share === null || share === undefined ? "–" : `${share > 0 && share < 0.1 ? (share * 100).toFixed(1) : Math.round(share * 100)} %`;
}

export const plural = (number, singular) => `${count(number)} ${singular}${number === 1 ? "" : "s"}`;
