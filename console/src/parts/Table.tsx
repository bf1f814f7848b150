// A table whose columns sort. Long ones show their beginning first, and more when asked.

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { counted } from "../format";

export interface Column<Row> {
  name: string;
  /** What it is sorted by; a column without it does not sort. */
  by?: (row: Row) => number | string | null;
  cell: (row: Row) => ComponentChildren;
  /** Figures stand to the right. */
  figure?: boolean;
}

interface Props<Row> {
  caption: string;
  columns: Column<Row>[];
  rows: Row[];
  id: (row: Row) => string;
  /** The column that it is sorted by at first, and which way; none: as the rows come. */
  sorted?: [number, "up" | "down"];
  selected?: string | null;
  page?: number;
}

export function Table<Row>({ caption, columns, rows, id, sorted, selected, page = 100 }: Props<Row>) {
  const [order, setOrder] = useState(sorted);
  const [most, setMost] = useState(page);
  const by = order && columns[order[0]]?.by;
  const list = by ? [...rows].sort((one, other) => compare(by(one), by(other)) * (order[1] === "up" ? 1 : -1)) : rows;
  return (
    <div class="table">
      <table>
        <caption>{caption}</caption>
        <thead>
          <tr>
            {columns.map((column, index) => (
              <th
                key={column.name}
                scope="col"
                class={column.figure ? "figure" : ""}
                aria-sort={order?.[0] !== index ? undefined : order[1] === "up" ? "ascending" : "descending"}
              >
                {column.by ? (
                  <button type="button" onClick={() => setOrder([index, order?.[0] === index && order[1] === "down" ? "up" : "down"])}>
                    {column.name}
                  </button>
                ) : (
                  column.name
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {list.slice(0, most).map((row) => (
            <tr key={id(row)} class={selected === id(row) ? "selected" : ""}>
              {columns.map((column, index) =>
                index === 0 ? (
                  <th key={column.name} scope="row" class={column.figure ? "figure" : ""}>
                    {column.cell(row)}
                  </th>
                ) : (
                  <td key={column.name} class={column.figure ? "figure" : ""}>
                    {column.cell(row)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length === 0 && <p class="none">None.</p>}
      {list.length > most && (
        <button type="button" class="plain" onClick={() => setMost(most + 5 * page)}>
          Show more: {counted(list.length - most, "row")} are left
        </button>
      )}
    </div>
  );
}

function compare(one: number | string | null, other: number | string | null): number {
  if (one === null || other === null) return Number(other === null) - Number(one === null);
  return typeof one === "string" || typeof other === "string" ? String(one).localeCompare(String(other)) : one - other;
}
