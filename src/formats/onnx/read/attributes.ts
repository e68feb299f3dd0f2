/** A node's attributes by name. Their types are checked, and an attribute that is not read is an error. */
import type { AttributeProto, NodeProto } from '../proto.ts';
import { nodeFailure, quotedName } from './failure.ts';

export type Attributes = ReturnType<typeof attributesOf>;

export function attributesOf(where: string, node: NodeProto) {
  const byName = new Map<string, AttributeProto>();
  for (const attribute of node.attributes) {
    if (byName.has(attribute.name)) throw nodeFailure(where, node, `two attributes named ${quotedName(attribute.name)}`);
    byName.set(attribute.name, attribute);
  }
  const read = new Set<string>();
  function take<K extends AttributeProto['kind']>(name: string, kind: K): Extract<AttributeProto, { kind: K }> | undefined {
    read.add(name);
    const attribute = byName.get(name);
    if (attribute === undefined) return undefined;
    if (attribute.kind !== kind) throw nodeFailure(where, node, `${name} has the wrong type`);
    return attribute as Extract<AttributeProto, { kind: K }>;
  }
  return {
    /** A whole number, or the default. */
    int: (name: string, fallback: number): number => take(name, 'int')?.value ?? fallback,
    float(name: string, fallback: number): number {
      const value = take(name, 'float')?.value ?? fallback;
      if (!Number.isFinite(value)) throw nodeFailure(where, node, `${name} is not a finite number`);
      return value;
    },
    text: (name: string, fallback: string): string => take(name, 'string')?.value ?? fallback,
    ints: (name: string): readonly number[] | undefined => take(name, 'ints')?.value,
    /** The attribute, of any type. */
    any(name: string): AttributeProto | undefined {
      read.add(name);
      return byName.get(name);
    },
    /** Marks attributes as read that have no effect here. */
    ignore(...names: readonly string[]): void {
      for (const name of names) read.add(name);
    },
    /** Throws where an attribute was not read. */
    finish(): void {
      const left = [...byName.keys()].find((name) => !read.has(name));
      if (left !== undefined) throw nodeFailure(where, node, `the attribute ${quotedName(left)} is not supported`);
    },
  };
}
