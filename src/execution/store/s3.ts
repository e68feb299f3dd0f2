/**
 * A store in S3 or a compatible service. Credentials, region and endpoint come from where the AWS tools look for them
 * (environment, ~/.aws), never from the address.
 */
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  paginateListObjectsV2,
  S3Client,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { reasonOf, replaceFile } from '../../util/files.ts';
import { UserError } from '../../util/user-error.ts';
import { assertKey, keyPattern, storing, type Store } from './store.ts';

/** Bytes of a part of an upload; S3 requires 5 MiB at least. */
const partSize = 16 << 20;

interface ServiceError {
  readonly name?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/** The result, or false where the service says that there is no such object. */
async function unlessMissing<T>(request: Promise<T>): Promise<T | false> {
  try {
    return await request;
  } catch (error) {
    const { name, $metadata } = error as ServiceError;
    if (name === 'NoSuchKey' || name === 'NotFound' || $metadata?.httpStatusCode === 404) return false;
    throw error;
  }
}

/** Bucket and prefix of `s3://bucket/prefix`; the prefix is '' or ends with a slash. */
function parseAddress(address: string): { readonly Bucket: string; readonly prefix: string } {
  const [, Bucket, path = ''] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/.exec(address) ?? [];
  if (Bucket === undefined) throw new UserError(`--store ${address}: give s3://bucket/prefix, with no secrets in it`);
  const base = path.replace(/\/+$/, '');
  if (base !== '' && !keyPattern.test(base))
    throw new UserError(`--store ${address}: the prefix may have letters, digits, dots, hyphens and underscores`);
  return { Bucket, prefix: base === '' ? '' : `${base}/` };
}

async function checkBucket(client: S3Client, Bucket: string, address: string): Promise<void> {
  try {
    await client.send(new HeadBucketCommand({ Bucket }));
  } catch (error) {
    const status = (error as ServiceError).$metadata?.httpStatusCode;
    const reason = status === 404 ? 'there is no such bucket' : status === 403 ? 'access is denied' : reasonOf(error);
    throw new UserError(`--store ${address}: ${reason}`);
  }
}

export async function s3Store(address: string): Promise<Store> {
  const { Bucket, prefix } = parseAddress(address);
  const endpoint = process.env['AWS_ENDPOINT_URL_S3'] ?? process.env['AWS_ENDPOINT_URL'];
  // Other services than AWS have no sub-domain for each bucket.
  const client = new S3Client(endpoint === undefined ? {} : { endpoint, forcePathStyle: true });
  await checkBucket(client, Bucket, address);
  const objectOf = (key: string): { readonly Bucket: string; readonly Key: string } => {
    assertKey(key);
    return { Bucket, Key: `${prefix}${key}` };
  };
  return {
    address,
    async has(key) {
      const object = objectOf(key);
      return storing(address, key, async () => (await unlessMissing(client.send(new HeadObjectCommand(object)))) !== false);
    },
    async put(key, path) {
      const params = { ...objectOf(key), Body: createReadStream(path) };
      const upload = new Upload({ client, partSize, queueSize: 2, leavePartsOnError: false, params });
      await storing(address, key, () => upload.done().finally(() => params.Body.destroy()));
    },
    async get(key, path) {
      const object = objectOf(key);
      return storing(address, key, async () => {
        const found = await unlessMissing(client.send(new GetObjectCommand(object)));
        if (found === false) return false;
        await replaceFile(path, found.Body as Readable);
        return true;
      });
    },
    async remove(key) {
      const object = objectOf(key);
      await storing(address, key, () => client.send(new DeleteObjectCommand(object)));
    },
    list: (wanted) =>
      storing(address, wanted, async () => {
        const found: string[] = [];
        for await (const page of paginateListObjectsV2({ client }, { Bucket, Prefix: `${prefix}${wanted}` }))
          for (const { Key } of page.Contents ?? []) if (Key !== undefined) found.push(Key.slice(prefix.length));
        return found;
      }),
  };
}
