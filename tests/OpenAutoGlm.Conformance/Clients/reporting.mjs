// What the scripts beside this file share: the tool they offer, the schema they ask for, and how they tell a refusal.

export const weather = {
  type: "object",
  properties: { city: { type: "string", enum: ["Paris", "Rome"] } },
  required: ["city"],
  additionalProperties: false,
};

export const prompt = "Once upon a time";

// The model behind the tests was never taught JSON: left to its likeliest tokens it pads with white space wherever JSON
// allows that. Heat makes it move on.
export const heat = 5;

/** What became of an action that the server refuses; null where it did not. */
export async function refusal(action) {
  try {
    await action();
    return null;
  } catch (error) {
    const refused = error.lastError ?? error;
    return { status: refused.status ?? refused.statusCode ?? refused.status_code, name: error.constructor.name, message: refused.message };
  }
}
