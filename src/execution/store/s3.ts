/**
 * S3 and what speaks like it, as a store. Credentials, region and endpoint come from where the AWS tools look for them
 * (environment, ~/.aws), never from the address.
 */
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  S3Client,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { reasonOf, replaceFile } from '../../util/files.ts';
import { assert } from '../../util/assert.ts';
import { UserError } from '../../util/user-error.ts';
import { keyPattern, StoreFailure, type Store } from './store.ts';

/** Of one part of an upload; S3 takes 5 MiB at least. */
const partSize = 16 << 20;

interface Answered {
  readonly name?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}
const isMissing = (error: unknown): boolean => {
  const { name, $metadata } = error as Answered;
  return name === 'NoSuchKey' || name === 'NotFound' || $metadata?.httpStatusCode === 404;
};

export async function s3Store(address: string): Promise<Store> {
  const [, bucket, prefix = ''] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/.exec(address) ?? [];
  if (bucket === undefined) throw new UserError(`--store ${address}: s3://bucket/prefix, and no secrets in it`);
  const base = prefix.replace(/\/+$/, '');
  if (base !== '' && !keyPattern.test(base))
    throw new UserError(`--store ${address}: a prefix of letters, digits, dots, hyphens, underscores`);
  const endpoint = process.env['AWS_ENDPOINT_URL_S3'] ?? process.env['AWS_ENDPOINT_URL'];
  // Addresses of a server of one's own have no sub-domain a bucket.
  const client = new S3Client(endpoint === undefined ? {} : { endpoint, forcePathStyle: true });
  const keyOf = (key: string): string => {
    assert(keyPattern.test(key), () => `a key, not ${JSON.stringify(key)}`);
    return base === '' ? key : `${base}/${key}`;
  };
  const failed = (key: string, error: unknown): StoreFailure => new StoreFailure(`${address}, ${key}: ${reasonOf(error)}`);
  try {
    await client.send(new HeadBucketCommand({ Bucket: bucket }));
  } catch (error) {
    const status = (error as Answered).$metadata?.httpStatusCode;
    const why = status === 404 ? 'there is no such bucket' : status === 403 ? 'access is denied' : reasonOf(error);
    throw new UserError(`--store ${address}: ${why}`);
  }
  return {
    address,
    async has(key) {
      try {
        await client.send(new HeadObjectCommand({ Bucket: bucket, Key: keyOf(key) }));
        return true;
      } catch (error) {
        if (isMissing(error)) return false;
        throw failed(key, error);
      }
    },
    async put(key, path) {
      const body = createReadStream(path);
      const upload = new Upload({
        client,
        partSize,
        queueSize: 2,
        leavePartsOnError: false,
        params: { Bucket: bucket, Key: keyOf(key), Body: body },
      });
      try {
        await upload.done();
      } catch (error) {
        throw failed(key, error);
      } finally {
        body.destroy();
      }
    },
    async get(key, path) {
      try {
        const { Body: body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: keyOf(key) }));
        await replaceFile(path, body as Readable);
        return true;
      } catch (error) {
        if (isMissing(error)) return false;
        throw failed(key, error);
      }
    },
    async remove(key) {
      try {
        await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: keyOf(key) }));
      } catch (error) {
        throw failed(key, error);
      }
    },
    async list(wanted) {
      const found: string[] = [];
      const cut = base === '' ? 0 : base.length + 1;
      try {
        for (let token: string | undefined; ;) {
          const page = await client.send(
            new ListObjectsV2Command({
              Bucket: bucket,
              Prefix: base === '' ? wanted : `${base}/${wanted}`,
              ...(token === undefined ? {} : { ContinuationToken: token }),
            }),
          );
          for (const { Key: key } of page.Contents ?? []) if (key !== undefined) found.push(key.slice(cut));
          if (page.IsTruncated !== true) return found;
          token = page.NextContinuationToken;
        }
      } catch (error) {
        throw failed(wanted, error);
      }
    },
  };
}
