// Where callers are known by a token: asks for it. It is kept for this tab only.

import { useState } from "preact/hooks";
import { setToken, token } from "../api/client";

export function TokenForm({ known }: { known: () => void }) {
  const [text, setText] = useState("");
  const before = token() !== "";
  return (
    <form
      class="token"
      onSubmit={(event) => {
        event.preventDefault();
        setToken(text.trim());
        known();
      }}
    >
      <h1>Who asks?</h1>
      <p>{before ? "The server does not know this token." : "This server answers those who have a token."} It stays in this tab, and is forgotten with it.</p>
      <label class="field">
        <span>Token</span>
        <input type="password" autocomplete="off" required value={text} onInput={(event) => setText(event.currentTarget.value)} />
      </label>
      <p class="dim">
        A token of Kubernetes: <code>kubectl create token NAME</code>. <code>docs/console.md</code> says what its account must be allowed.
      </p>
      <div class="actions">
        <button type="submit" class="primary">
          Use it
        </button>
      </div>
    </form>
  );
}
