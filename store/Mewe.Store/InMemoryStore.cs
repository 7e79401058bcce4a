namespace Mewe.Store;

/// <summary>A store for one process: what is used where there is no file, or the file cannot be used.</summary>
public sealed class InMemoryStore : ILemmaStore, ILearnedRuleStore
{
    private readonly Lock gate = new();
    private readonly Dictionary<(LemmaKey Key, int Version), Lemma> lemmas = [];
    private readonly SortedDictionary<string, Dictionary<int, LearnedRule>> rules = new(StringComparer.Ordinal);

    public Task<StoreAnswer<IReadOnlyDictionary<LemmaKey, Lemma>>> GetLemmasAsync(IReadOnlyCollection<LemmaKey> keys, int checkerVersion, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        var found = new Dictionary<LemmaKey, Lemma>(keys.Count);
        lock (gate)
        {
            foreach (var key in keys)
            {
                if (lemmas.TryGetValue((key, checkerVersion), out var lemma))
                {
                    found[key] = lemma;
                }
            }
        }

        return Task.FromResult(StoreAnswer<IReadOnlyDictionary<LemmaKey, Lemma>>.Of(found));
    }

    public Task<StoreAnswer<IReadOnlyList<Lemma>>> GetAllLemmasAsync(int checkerVersion, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        lock (gate)
        {
            IReadOnlyList<Lemma> found = [.. lemmas.Values.Where(lemma => lemma.CheckerVersion == checkerVersion)];
            return Task.FromResult(StoreAnswer<IReadOnlyList<Lemma>>.Of(found));
        }
    }

    public Task<StoreAnswer<PutCount>> PutLemmasAsync(IReadOnlyCollection<Lemma> puts, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        var count = default(PutCount);
        lock (gate)
        {
            foreach (var lemma in puts)
            {
                var known = lemmas.GetValueOrDefault((lemma.Key, lemma.CheckerVersion));
                switch (LemmaMerge.Of(known?.Verdict, known?.ResourceSpent ?? 0, lemma))
                {
                    case LemmaMerge.Outcome.Replace:
                        lemmas[(lemma.Key, lemma.CheckerVersion)] = lemma;
                        count = count with { Changed = count.Changed + 1 };
                        break;
                    case LemmaMerge.Outcome.Keep:
                        count = count with { Known = count.Known + 1 };
                        break;
                    default:
                        count = count with { Contradicted = count.Contradicted + 1 };
                        break;
                }
            }
        }

        return Task.FromResult(StoreAnswer<PutCount>.Of(count));
    }

    public Task<StoreAnswer<int>> ForgetOtherVersionsAsync(int checkerVersion, int others, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        lock (gate)
        {
            var kept = lemmas.Keys.Select(key => key.Version).Where(version => version != checkerVersion).CountBy(version => version)
                .OrderByDescending(pair => pair.Value).ThenBy(pair => pair.Key).Take(others).Select(pair => pair.Key).Append(checkerVersion).ToHashSet();
            var forgotten = lemmas.Keys.Where(key => !kept.Contains(key.Version)).ToList();
            forgotten.ForEach(key => lemmas.Remove(key));
            return Task.FromResult(StoreAnswer<int>.Of(forgotten.Count));
        }
    }

    public Task<StoreAnswer<IReadOnlyList<LearnedRule>>> GetLearnedRulesAsync(int checkerVersion, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        lock (gate)
        {
            IReadOnlyList<LearnedRule> found = [.. rules.Values.Where(versions => versions.ContainsKey(checkerVersion)).Select(versions => versions[checkerVersion])];
            return Task.FromResult(StoreAnswer<IReadOnlyList<LearnedRule>>.Of(found));
        }
    }

    public Task<StoreAnswer<PutCount>> PutLearnedRulesAsync(IReadOnlyCollection<LearnedRule> puts, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        var changed = 0;
        lock (gate)
        {
            foreach (var rule in puts)
            {
                if (!rules.TryGetValue(rule.Text, out var versions))
                {
                    rules.Add(rule.Text, versions = []);
                }

                changed += versions.TryAdd(rule.CheckerVersion, rule) ? 1 : 0;
            }
        }

        return Task.FromResult(StoreAnswer<PutCount>.Of(new PutCount(changed, puts.Count - changed, 0)));
    }
}
