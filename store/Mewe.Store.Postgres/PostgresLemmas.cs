using System.Security.Cryptography;
using System.Text;
using Npgsql;

namespace Mewe.Store.Postgres;

/// <summary>Lemmas and learned rules in PostgreSQL.</summary>
internal sealed class PostgresLemmas(PostgresSession session)
{
    public async Task<StoreAnswer<IReadOnlyDictionary<LemmaKey, Lemma>>> GetAsync(IReadOnlyCollection<LemmaKey> keys, int checkerVersion, CancellationToken cancellation)
    {
        var answer = await session.QueryAsync("lemmas-get", row => Read(row, checkerVersion), cancellation,
            Parameters.Int("version", checkerVersion), Parameters.BytesOf("keys", keys.Distinct().Select(key => key.ToArray())));
        return answer.Select<IReadOnlyDictionary<LemmaKey, Lemma>>(found => found.ToDictionary(lemma => lemma.Key));
    }

    public async Task<StoreAnswer<IReadOnlyList<Lemma>>> GetAllAsync(int checkerVersion, CancellationToken cancellation)
    {
        var answer = await session.QueryAsync("lemmas-all", row => Read(row, checkerVersion), cancellation, Parameters.Int("version", checkerVersion));
        return answer.Select<IReadOnlyList<Lemma>>(found => found);
    }

    public Task<StoreAnswer<PutCount>> PutAsync(IReadOnlyCollection<Lemma> lemmas, CancellationToken cancellation) => session.RunAsync(
        async work =>
        {
            var count = default(PutCount);
            foreach (var puts in Rounds(lemmas))
            {
                NpgsqlParameter[] Decisions() =>
                [
                    Parameters.BytesOf("keys", puts.Select(lemma => lemma.Key.ToArray())), Parameters.Ints("versions", puts.Select(lemma => lemma.CheckerVersion)),
                    Parameters.Smalls("verdicts", puts.Select(lemma => (int)lemma.Verdict)),
                ];
                var changed = await work.QueryAsync("lemmas-put", row => row.GetBoolean(2),
                    [.. Decisions(), Parameters.Texts("methods", puts.Select(lemma => lemma.Method)), Parameters.Longs("spents", puts.Select(lemma => lemma.ResourceSpent))]);
                var contradicted = (int)(await work.QueryAsync("lemmas-contradicted", row => row.GetInt64(0), Decisions()))[0];
                var news = changed.Count(change => change);
                count = new PutCount(count.Changed + news, count.Known + puts.Count - news - contradicted, count.Contradicted + contradicted);
            }

            return count;
        },
        cancellation);

    public Task<StoreAnswer<int>> ForgetAsync(int checkerVersion, int others, CancellationToken cancellation) =>
        session.ExecuteAsync("lemmas-forget", cancellation, Parameters.Int("version", checkerVersion), Parameters.Int("others", others));

    public async Task<StoreAnswer<IReadOnlyList<LearnedRule>>> GetRulesAsync(int checkerVersion, CancellationToken cancellation)
    {
        var answer = await session.QueryAsync("rules-get", row => new LearnedRule(row.GetString(0), row.GetInt16(1), row.GetString(2), row.GetString(3), checkerVersion), cancellation,
            Parameters.Int("version", checkerVersion));
        if (!answer.TryGet(out var found))
        {
            return answer.Problem!;
        }

        // PostgreSQL orders by UTF-8 bytes, .NET by UTF-16 units; they differ only beyond the characters that rules are made of.
        found.Sort((a, b) => string.CompareOrdinal(a.Text, b.Text));
        return StoreAnswer<IReadOnlyList<LearnedRule>>.Of(found);
    }

    public Task<StoreAnswer<PutCount>> PutRulesAsync(IReadOnlyCollection<LearnedRule> rules, CancellationToken cancellation) => session.RunAsync(
        async work =>
        {
            var puts = rules.DistinctBy(rule => (rule.Text, rule.CheckerVersion)).ToList();
            var changed = await work.ExecuteAsync("rules-put", Parameters.Texts("texts", puts.Select(rule => rule.Text)),
                Parameters.BytesOf("hashes", puts.Select(rule => SHA256.HashData(Encoding.UTF8.GetBytes(rule.Text)))), Parameters.Ints("versions", puts.Select(rule => rule.CheckerVersion)),
                Parameters.Smalls("widths", puts.Select(rule => rule.Width)), Parameters.Texts("hows", puts.Select(rule => rule.HowProved)), Parameters.Texts("origins", puts.Select(rule => rule.Origin)));
            return new PutCount(changed, rules.Count - changed, 0);
        },
        cancellation);

    /// <summary>The lemmas in as few parts as have no key twice; a statement can change a row once.</summary>
    private static IEnumerable<List<Lemma>> Rounds(IReadOnlyCollection<Lemma> lemmas)
    {
        var left = lemmas.ToList();
        while (left.Count > 0)
        {
            var keys = new HashSet<(LemmaKey, int)>();
            var (round, rest) = (new List<Lemma>(), new List<Lemma>());
            foreach (var lemma in left)
            {
                (keys.Add((lemma.Key, lemma.CheckerVersion)) ? round : rest).Add(lemma);
            }

            yield return round;
            left = rest;
        }
    }

    private static Lemma Read(NpgsqlDataReader row, int checkerVersion) =>
        new(new LemmaKey(row.GetFieldValue<byte[]>(0)), (LemmaVerdict)row.GetInt16(1), row.GetString(2), row.GetInt64(3), checkerVersion);
}
