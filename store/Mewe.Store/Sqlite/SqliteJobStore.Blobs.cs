using System.Buffers;
using System.Security.Cryptography;

namespace Mewe.Store.Sqlite;

internal sealed partial class SqliteJobStore
{
    private const int PieceBytes = 256 * 1024, PruneBatch = 10;

    public async Task<StoreAnswer<BlobHash>> PutBlobAsync(Stream content, CancellationToken cancellation)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(PieceBytes);
        try
        {
            using var hashing = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            long length = 0;
            long? upload = null;
            for (var ordinal = 0; ; ordinal++)
            {
                var read = await content.ReadAtLeastAsync(buffer.AsMemory(0, PieceBytes), PieceBytes, throwOnEndOfStream: false, cancellation);
                if (read == 0 && ordinal > 0)
                {
                    break;
                }

                hashing.AppendData(buffer, 0, read);
                length += read;
                var put = await session.RunAsync(work => PutPiece(work, upload, ordinal, buffer.AsSpan(0, read).ToArray()), writes: true, cancellation);
                if (!put.TryGet(out var id))
                {
                    return put.Problem!;
                }

                upload = id;
                if (read < PieceBytes)
                {
                    break;
                }
            }

            var hash = new BlobHash(hashing.GetHashAndReset());
            return await session.RunAsync(work => Name(work, hash, upload!.Value, length), writes: true, cancellation);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    public async Task<StoreAnswer<long?>> CopyBlobAsync(BlobHash hash, Stream destination, CancellationToken cancellation)
    {
        var find = await session.RunAsync(work => work.Query("blob-find", row => (Upload: row.GetInt64(0), Bytes: row.GetInt64(1)), ("$hash", hash.ToArray())), writes: false, cancellation);
        if (!find.TryGet(out var found))
        {
            return find.Problem!;
        }

        if (found.Count == 0)
        {
            return StoreAnswer<long?>.Of(null);
        }

        var (upload, bytes) = found[0];
        long written = 0;
        for (var ordinal = 0; written < bytes; ordinal++)
        {
            var get = await session.RunAsync(work => work.Query("piece-get", row => row.GetFieldValue<byte[]>(0), ("$upload", upload), ("$ordinal", ordinal)).SingleOrDefault(), writes: false, cancellation);
            if (!get.TryGet(out var piece))
            {
                return get.Problem!;
            }

            if (piece is null)
            {
                return new StoreProblem(StoreProblemKind.Unavailable, $"blob {hash} was deleted while it was read");
            }

            await destination.WriteAsync(piece, cancellation);
            written += piece.Length;
        }

        return StoreAnswer<long?>.Of(bytes);
    }

    public async Task<StoreAnswer<PruneCount>> PruneAsync(TimeSpan olderThan, CancellationToken cancellation)
    {
        var (jobs, blobs) = (0, 0);
        for (var done = 0; done < 2;)
        {
            var batch = done == 0
                ? await session.RunAsync(work => work.Execute("jobs-prune", ("$before", work.Now - (long)olderThan.TotalMilliseconds), ("$limit", PruneBatch)), writes: true, cancellation)
                : await session.RunAsync(PruneBlobs, writes: true, cancellation);
            if (!batch.TryGet(out var count))
            {
                return batch.Problem!;
            }

            (jobs, blobs) = done == 0 ? (jobs + count, blobs) : (jobs, blobs + count);
            done += count == 0 ? 1 : 0;
        }

        return StoreAnswer<PruneCount>.Of(new PruneCount(jobs, blobs));
    }

    private static int PruneBlobs(SqliteWork work)
    {
        var before = work.Now - (long)JobLimits.UnreferencedBlob.TotalMilliseconds;
        var unreferenced = work.Query("blobs-unreferenced", row => (Hash: row.GetFieldValue<byte[]>(0), Upload: row.GetInt64(1)), ("$before", before), ("$limit", PruneBatch));
        foreach (var (hash, upload) in unreferenced)
        {
            work.Execute("blob-delete", ("$hash", hash));
            work.Execute("upload-drop", ("$upload", upload));
        }

        if (unreferenced.Count == 0)
        {
            work.Execute("uploads-abandoned", ("$before", before));
        }

        return unreferenced.Count;
    }

    private static long PutPiece(SqliteWork work, long? upload, int ordinal, byte[] piece)
    {
        var id = upload ?? work.Query("upload-start", row => row.GetInt64(0), ("$now", work.Now)).Single();
        work.Execute("piece-put", ("$upload", id), ("$ordinal", ordinal), ("$content", piece));
        return id;
    }

    private static BlobHash Name(SqliteWork work, BlobHash hash, long upload, long length)
    {
        if (work.Execute("blob-touch", ("$hash", hash.ToArray()), ("$now", work.Now)) > 0)
        {
            work.Execute("upload-drop", ("$upload", upload));
        }
        else
        {
            work.Execute("blob-put", ("$hash", hash.ToArray()), ("$upload", upload), ("$bytes", length), ("$now", work.Now));
        }

        return hash;
    }
}
