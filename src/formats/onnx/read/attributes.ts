/** A node's attributes, read by name: their kinds are checked, and one that nobody asked for changes a meaning unseen. */
import type { AttributeProto, NodeProto } from '../proto.ts';
import { nodeFailure, quoted } from './failure.ts';

export interface Attributes {
  /** A whole number, or what holds where it is not given. */
  int(name: string, otherwise: number): number;
  /** A number in float precision. */
  float(name: string, otherwise: number): number;
  text(name: string, otherwise: string): string;
  ints(name: string): readonly number[] | undefined;
  /** The attribute itself, of any kind that is read. */
  any(name: string): AttributeProto | undefined;
  /** Says of attributes that what they ask for does not matter here. */
  ignore(...names: string[]): void;
  /** A failure that names the attribute which was not asked for, if there is one. */
  finish(): void;
}

export function attributesOf(where: string, node: NodeProto): Attributes {
  const byName = new Map<string, AttributeProto>();
  for (const attribute of node.attributes) {
    if (byName.has(attribute.name)) throw nodeFailure(where, node, `two attributes named ${quoted(attribute.name)}`);
    byName.set(attribute.name, attribute);
  }
  const asked = new Set<string>();
  function take<K extends AttributeProto['kind']>(name: string, kind: K): Extract<AttributeProto, { kind: K }> | undefined {
    asked.add(name);
    const attribute = byName.get(name);
    if (attribute === undefined) return undefined;
    if (attribute.kind !== kind) throw nodeFailure(where, node, `${name} is of another type than it should be`);
    return attribute as Extract<AttributeProto, { kind: K }>;
  }
  return {
    int: (name, otherwise) => take(name, 'int')?.value ?? otherwise,
    float(name, otherwise) {
      const value = take(name, 'float')?.value ?? otherwise;
      if (!Number.isFinite(value)) throw nodeFailure(where, node, `${name} is not a finite number`);
      return value;
    },
    text: (name, otherwise) => take(name, 'string')?.value ?? otherwise,
    ints: (name) => take(name, 'ints')?.value,
    any(name) {
      asked.add(name);
      return byName.get(name);
    },
    ignore(...names) {
      for (const name of names) asked.add(name);
    },
    finish() {
      const left = [...byName.keys()].find((name) => !asked.has(name));
      if (left !== undefined) throw nodeFailure(where, node, `the attribute ${quoted(left)} is not known`);
    },
  };
}
