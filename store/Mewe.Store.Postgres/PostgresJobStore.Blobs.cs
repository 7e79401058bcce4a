using System.Buffers;
using System.Security.Cryptography;

namespace Mewe.Store.Postgres;

internal sealed partial class PostgresJobStore
{
    private const int PieceBytes = 256 * 1024, PruneBatch = 10;

    /// <summary>Each piece is a transaction of its own, so that a slow sender holds no connection.</summary>
    public async Task<StoreAnswer<BlobHash>> PutBlobAsync(Stream content, CancellationToken cancellation)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(PieceBytes);
        try
        {
            var start = await session.QueryAsync("upload-start", row => row.GetInt64(0), cancellation);
            if (!start.TryGet(out var started))
            {
                return start.Problem!;
            }

            using var hashing = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            var (upload, length, read) = (started[0], 0L, PieceBytes);
            for (var ordinal = 0; read == PieceBytes; ordinal++)
            {
                read = await content.ReadAtLeastAsync(buffer.AsMemory(0, PieceBytes), PieceBytes, throwOnEndOfStream: false, cancellation);
                hashing.AppendData(buffer, 0, read);
                length += read;
                if (read > 0)
                {
                    var put = await session.ExecuteAsync("piece-put", cancellation, Parameters.Long("upload", upload), Parameters.Int("ordinal", ordinal), Parameters.Bytes("content", buffer.AsMemory(0, read)));
                    if (put.Problem is { } problem)
                    {
                        return problem;
                    }
                }
            }

            var hash = new BlobHash(hashing.GetHashAndReset());
            return await session.RunAsync(
                async work =>
                {
                    var kept = await work.QueryAsync("blob-put", row => row.GetInt64(0), Parameters.Hash("hash", hash), Parameters.Long("upload", upload), Parameters.Long("bytes", length));
                    if (kept[0] != upload)
                    {
                        await work.ExecuteAsync("upload-drop", Parameters.Long("upload", upload));
                    }

                    return hash;
                },
                cancellation);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    public async Task<StoreAnswer<long?>> CopyBlobAsync(BlobHash hash, Stream destination, CancellationToken cancellation)
    {
        var find = await session.QueryAsync("blob-find", row => (Upload: row.GetInt64(0), Bytes: row.GetInt64(1)), cancellation, Parameters.Hash("hash", hash));
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
            var get = await session.QueryAsync("piece-get", row => row.GetFieldValue<byte[]>(0), cancellation, Parameters.Long("upload", upload), Parameters.Int("ordinal", ordinal));
            if (!get.TryGet(out var piece))
            {
                return get.Problem!;
            }

            if (piece.Count == 0)
            {
                return new StoreProblem(StoreProblemKind.Unavailable, $"blob {hash} was deleted while it was read");
            }

            await destination.WriteAsync(piece[0], cancellation);
            written += piece[0].Length;
        }

        return StoreAnswer<long?>.Of(bytes);
    }

    public async Task<StoreAnswer<PruneCount>> PruneAsync(TimeSpan olderThan, CancellationToken cancellation)
    {
        var (jobs, blobs) = (0, 0);
        foreach (var prune in (Func<PostgresWork, Task<int>>[])[work => PruneJobsAsync(work, olderThan), PruneBlobsAsync])
        {
            for (var more = true; more;)
            {
                var batch = await session.RunAsync(prune, cancellation);
                if (!batch.TryGet(out var count))
                {
                    return batch.Problem!;
                }

                (jobs, blobs) = prune == PruneBlobsAsync ? (jobs, blobs + count) : (jobs + count, blobs);
                more = count > 0;
            }
        }

        var abandoned = await session.ExecuteAsync("uploads-abandoned", cancellation, Parameters.Span("kept", JobLimits.UnreferencedBlob));
        return abandoned.Select(_ => new PruneCount(jobs, blobs));
    }

    /// <summary>Children first: nothing but this order keeps rows from outliving their parents.</summary>
    private static async Task<int> PruneJobsAsync(PostgresWork work, TimeSpan olderThan)
    {
        var jobs = await work.QueryAsync("jobs-prunable", row => row.Id(0), Parameters.Span("older", olderThan), Parameters.Int("limit", PruneBatch));
        foreach (var statement in jobs.Count == 0 ? [] : (string[])["jobs-prune-variants", "jobs-prune-results", "jobs-prune-functions", "jobs-prune"])
        {
            await work.ExecuteLongAsync(statement, Parameters.Jobs("jobs", jobs));
        }

        return jobs.Count;
    }

    private static async Task<int> PruneBlobsAsync(PostgresWork work)
    {
        var hashes = await work.QueryAsync("blobs-unreferenced", row => row.GetFieldValue<byte[]>(0), Parameters.Span("kept", JobLimits.UnreferencedBlob), Parameters.Int("limit", PruneBatch));
        if (hashes.Count == 0)
        {
            return 0;
        }

        var uploads = await work.QueryAsync("blobs-prune", row => row.GetInt64(0), Parameters.BytesOf("hashes", hashes));
        await work.ExecuteAsync("uploads-drop", Parameters.Longs("uploads", uploads));
        return uploads.Count;
    }
}
