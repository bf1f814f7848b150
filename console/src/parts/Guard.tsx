// A view that fails says so, and leaves the rest of the page alone.

import { Component, type ComponentChildren } from "preact";
import { shown } from "../format";

interface Props {
  /** With another one, the view is tried again. */
  view: string;
  children: ComponentChildren;
}

export class Guard extends Component<Props, { failed: { view: string; message: string } | null }> {
  override state = { failed: null as { view: string; message: string } | null };

  override componentDidCatch(error: unknown): void {
    console.error(error);
    this.setState({ failed: { view: this.props.view, message: error instanceof Error ? error.message : String(error) } });
  }

  override render() {
    const { failed } = this.state;
    if (failed?.view !== this.props.view) return this.props.children;
    return (
      <p class="notice" role="alert">
        This view failed: {shown(failed.message)}. That is a fault of the page; nothing was changed by it.
      </p>
    );
  }
}
