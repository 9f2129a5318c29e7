// The official clients for Node.js against a router: `node clients.mjs CASE ROUTER_URL FOLDER_OF_NODE_MODULES`.
// Each case prints what it saw as JSON; the test that started it judges.
import { createRequire } from "node:module";
import { join } from "node:path";

const [, , name, url, folder] = process.argv;
const require = createRequire(join(folder, "from.js"));
const OpenAI = require("openai").default;
const Anthropic = require("@anthropic-ai/sdk").default;
const { zodResponseFormat } = require("openai/helpers/zod");
const { z } = require("zod");

const client = new OpenAI({ apiKey: "test", baseURL: `${url}/v1`, maxRetries: 0 });
const claude = new Anthropic({ apiKey: "test", baseURL: url, maxRetries: 0 });
const messages = [{ role: "user", content: "Which rivers flow through Vienna and Budapest?" }];
const parameters = { type: "object", properties: { city: { type: "string" } } };
const asked = { model: "auto", messages };
const claudeAsked = { model: "auto", max_tokens: 100, messages };

async function text(stream) {
  let said = "";
  let usage = null;
  for await (const chunk of stream) {
    said += chunk.choices[0]?.delta?.content ?? "";
    usage = chunk.usage ?? usage;
  }
  return { said, usage };
}

async function failure(promise) {
  try {
    await promise;
    return { kind: "none" };
  } catch (error) {
    return { kind: error.constructor.name, status: error.status ?? null, code: error.code ?? null };
  }
}

const cases = {
  async chat() {
    const first = await client.chat.completions.create(asked);
    const { data, response } = await client.chat.completions.create(asked).withResponse();
    return { first, second: data, cache: response.headers.get("x-vsr-cache"), id: data._request_id };
  },
  async stream() {
    const options = { ...asked, stream: true, stream_options: { include_usage: true } };
    const live = await text(await client.chat.completions.create(options));
    return { live, replayed: await text(await client.chat.completions.create(options)) };
  },
  async tools() {
    const tools = [{ type: "function", function: { name: "level", parameters } }];
    const calls = [];
    for (let turn = 0; turn < 2; turn += 1) {
      const final = await client.chat.completions.stream({ ...asked, tools }).finalChatCompletion();
      calls.push(final.choices[0].message.tool_calls[0].function);
    }
    return calls;
  },
  async parse() {
    const format = zodResponseFormat(z.object({ name: z.string(), length: z.number().int() }), "river");
    const parsed = await client.chat.completions.parse({ ...asked, response_format: format });
    return parsed.choices[0].message.parsed;
  },
  async responses() {
    const input = "Which rivers flow through Vienna and Budapest?";
    const whole = await client.responses.create({ model: "auto", input });
    const kinds = [];
    const stream = client.responses.stream({ model: "auto", input });
    for await (const event of stream) kinds.push(event.type);
    const final = await stream.finalResponse();
    return { whole: whole.output_text, streamed: final.output_text, first: kinds[0], last: kinds.at(-1) };
  },
  async embeddings() {
    const answer = await client.embeddings.create({ model: "auto", input: ["one text", "another"] });
    return answer.data.map((each) => each.embedding.length);
  },
  async errors() {
    const cut = await client.chat.completions.create({ ...asked, model: "cut", stream: true });
    return {
      limited: await failure(client.chat.completions.create({ ...asked, model: "limited" })),
      bad: await failure(client.chat.completions.create({ ...asked, model: "bad" })),
      unknown: await failure(client.models.retrieve("nobody")),
      cut: await failure(text(cut)),
      claude: await failure(claude.messages.create({ ...claudeAsked, model: "limited" })),
    };
  },
  async leaving() {
    const timeout = await failure(client.chat.completions.create(asked, { timeout: 500 }));
    const controller = new AbortController();
    const stream = await client.chat.completions.create({ ...asked, stream: true }, { signal: controller.signal });
    for await (const _ of stream) break;
    const aborted = failure(client.chat.completions.create({ ...asked, n: 2 }, { signal: controller.signal }));
    setTimeout(() => controller.abort(), 500);
    return { timeout, aborted: await aborted };
  },
  async claude() {
    const whole = await claude.messages.create(claudeAsked);
    const stream = claude.messages.stream(claudeAsked);
    const streamed = await stream.finalMessage();
    const tools = [{ name: "level", input_schema: parameters }];
    const live = await claude.messages.stream({ ...claudeAsked, tools }).finalMessage();
    const counted = await claude.messages.countTokens({ model: "auto", messages });
    const models = [];
    for await (const model of claude.models.list()) models.push(model.id);
    return { whole, streamed, live, counted, models };
  },
};

process.stdout.write(JSON.stringify(await cases[name]()));
