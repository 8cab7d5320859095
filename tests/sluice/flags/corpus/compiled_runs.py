"""Runs programs of TypeScript and Java: each compiled as a whole, one line of output for each program and flag."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from lab.programs import compilers

Answers = dict[str, dict[str, str]]
TYPESCRIPT_RUNTIME = """
export const state = { on: false, layout: "narrow", notes: [] as string[] };

export const client = {
  isEnabled: (key: string): boolean => key === "new-checkout" && state.on,
  variant: (key: string): string => (key === "layout" ? state.layout : ""),
  getBooleanValue: async (key: string, _default: boolean, _context?: object): Promise<boolean> =>
    key === "new-checkout" && state.on,
  getStringValue: async (key: string, standard: string): Promise<string> => (key === "layout" ? state.layout : standard),
  evaluateBoolean: (request: { flagKey: string; entityId: string; context: object }) => ({
    enabled: request.flagKey === "new-checkout" && state.on,
    reason: "match",
  }),
};

export const useFlags = () => ({
  newCheckout: state.on,
  "new-checkout": state.on,
  layout: state.layout,
  oldSearch: true,
});

export const note = (text: string): void => {
  state.notes.push(text);
};

export const yes = (n: number): boolean => {
  note("yes");
  return n > 0;
};

type Part = string | number | boolean | null | undefined;

export function h(tag: unknown, props: object | null, ...children: (Part | Part[])[]): string {
  if (typeof tag === "function") return (tag as (all: object) => string)({ ...props, children });
  const inner = children.flat().filter((one) => one !== null && one !== undefined && typeof one !== "boolean");
  return `<${tag} ${JSON.stringify(props)}>${inner.join("")}</${tag}>`;
}

declare global {
  namespace JSX {
    type Element = string;
    interface IntrinsicElements {
      [name: string]: object;
    }
  }
}
"""
TYPESCRIPT_SETTINGS = {
    "strict": True, "target": "es2022", "module": "commonjs", "jsx": "react", "jsxFactory": "h", "allowJs": True,
    "outDir": "out", "rootDir": ".", "skipLibCheck": True, "types": [], "allowUnreachableCode": False,
}  # fmt: skip
TYPESCRIPT_MAIN = """
const { state } = require("./out/rt.js");
const names = %s;
(async () => {
  const all = {};
  for (const [name, file] of Object.entries(names)) {
    all[name] = {};
    for (const on of [true, false]) {
      state.on = on;
      state.layout = on ? "wide" : "narrow";
      for (const loaded of Object.keys(require.cache)) if (!loaded.endsWith("/rt.js")) delete require.cache[loaded];
      const { run } = require(file);
      let text = "";
      for (let n = 0; n < 4; n++) {
        text += (await run(n)) + "|" + state.notes.splice(0).join(",") + ";";
      }
      all[name][on ? "on" : "off"] = text;
    }
  }
  console.log(JSON.stringify(all));
})();
"""
JAVA_RUNTIME = """package rt;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

public final class Rt {
    public static boolean on;
    public static String layout = "narrow";
    public static final List<String> NOTES = new ArrayList<>();
    public static final Client CLIENT = new Client();

    public static void note(String text) { NOTES.add(text); }
    public static boolean yes(int n) { note("yes"); return n > 0; }
    public static String risky(int n) throws IOException {
        if (n == 2) { throw new IOException("two"); }
        return "risky";
    }

    public static final class Details {
        public boolean getValue() { return on; }
        public String getReason() { return "match"; }
    }

    public static final class Client {
        public boolean getBooleanValue(String key, boolean standard) { return key.equals("new-checkout") && on; }
        public String getStringValue(String key, String standard) { return key.equals("layout") ? layout : standard; }
        public Details getBooleanDetails(String key, boolean standard) { return new Details(); }
    }
}
"""
JAVA_MAIN = """import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;

public final class Main {
    public static void main(String[] names) throws Exception {
        URL[] where = {Path.of("out").toUri().toURL()};
        for (String name : names) {
            for (boolean on : new boolean[] {true, false}) {
                try (URLClassLoader fresh = new URLClassLoader(where, null)) {
                    Class<?> rt = fresh.loadClass("rt.Rt");
                    rt.getField("on").set(null, on);
                    rt.getField("layout").set(null, on ? "wide" : "narrow");
                    java.util.List<?> notes = (java.util.List<?>) rt.getField("NOTES").get(null);
                    Method run = fresh.loadClass(name).getMethod("run", int.class);
                    StringBuilder text = new StringBuilder();
                    for (int n = 0; n < 4; n++) {
                        text.append(run.invoke(null, n)).append("|").append(notes).append(";");
                        notes.clear();
                    }
                    System.out.println(name + "\\t" + (on ? "on" : "off") + "\\t" + text);
                }
            }
        }
    }
}
"""


def typescript(folder: Path, programs: Mapping[str, Mapping[str, str]]) -> Answers:
    """What each program (texts by path) answers: type-checked strictly, compiled, run by Node.js."""
    names = {}
    (folder / "rt.ts").write_text(TYPESCRIPT_RUNTIME)
    for name, texts in programs.items():
        for path, text in texts.items():
            place = f"{name.replace('/', '_')}/{path.rpartition('/')[2]}"
            file = folder / place
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)
            if "/case." in path:
                names[name] = f"./out/{place.rpartition('.')[0]}.js"
    (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": TYPESCRIPT_SETTINGS}))
    compilers.run([*compilers.typescript(), "-p", "."], folder)
    (folder / "main.cjs").write_text(TYPESCRIPT_MAIN % json.dumps(names))
    return dict(json.loads(compilers.run([compilers.node(), "main.cjs"], folder)))


def java(folder: Path, programs: Mapping[str, Mapping[str, str]]) -> Answers:
    """What each program answers, compiled with all warnings off and run, each with classes of its own."""
    compiler, runner = compilers.java()
    files = {"rt/Rt.java": JAVA_RUNTIME, "Main.java": JAVA_MAIN}
    classes = {}
    for name, texts in programs.items():
        files.update(texts)
        classes[next(iter(texts)).removesuffix(".java").replace("/", ".")] = name
    for path, text in files.items():
        file = folder / "src" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    compilers.run([compiler, "-nowarn", "-d", "out", *sorted(f"src/{path}" for path in files)], folder)
    found: Answers = {}
    for line in compilers.run([runner, "-cp", "out", "Main", *classes], folder).splitlines():
        name, side, text = line.split("\t")
        found.setdefault(classes[name], {})[side] = text
    return found
