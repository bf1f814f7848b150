// What went wrong with a part of the page, and who may ask.

import { Refused, Unreachable } from "../api/client";
import { sentence } from "../format";

/** An error of a resource; one that the banner reports already is not repeated. */
export function Notice({ error, about }: { error: Error | undefined; about: string }) {
  if (!error || error instanceof Unreachable) return null;
  if (error instanceof Refused && error.status === 503) return <p class="notice">{about}: the server is busy. It is asked again.</p>;
  return (
    <p class="notice" role="alert">
      {about}: {sentence(error.message)}
    </p>
  );
}
