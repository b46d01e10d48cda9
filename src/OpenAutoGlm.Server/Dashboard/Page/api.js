// The server's routes. Addresses are relative, so that the page also works behind a prefix.

const keyName = "autoglm.key";

export const key = {
  get: () => sessionStorage.getItem(keyName) ?? "",
  set: (value) => (value ? sessionStorage.setItem(keyName, value) : sessionStorage.removeItem(keyName)),
};

/** An answer that is an error, with what the server said. */
export class ApiFault extends Error {
  constructor(status, body) {
    super(body?.error?.message ?? `The server answered ${status}.`);
    this.status = status;
    this.code = body?.error?.code ?? null;
  }
}

/** Fetches, and throws an ApiFault for every status that is not a success. */
export async function send(path, { method = "GET", body, signal } = {}) {
  const headers = {};
  if (key.get()) {
    headers.Authorization = `Bearer ${key.get()}`;
  }
  if (body !== undefined) {
    headers["Content-Type"] = "application/json";
  }
  const response = await fetch(path, { method, headers, signal, cache: "no-store", body: body === undefined ? undefined : JSON.stringify(body) });
  if (!response.ok) {
    throw new ApiFault(response.status, await response.json().catch(() => null));
  }
  return response;
}

export const read = async (path, options) => (await send(path, options)).json();

/** The values of an event stream, until it ends. */
export async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) {
        return;
      }
      text += value;
      const parts = text.split("\n\n");
      text = parts.pop();
      for (const part of parts) {
        for (const line of part.split("\n")) {
          const data = line.startsWith("data: ") ? line.slice(6) : null;
          if (data === "[DONE]") {
            return;
          }
          if (data !== null) {
            yield JSON.parse(data);
          }
        }
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
