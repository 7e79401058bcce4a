namespace Mewe.Store.Tests;

/// <summary>What every store does. Each implementation runs all of it.</summary>
public abstract class StoreConformance
{
    private const int Version = 3;

    /// <summary>A new, empty store.</summary>
    protected abstract Task<(ILemmaStore Lemmas, ILearnedRuleStore Rules)> OpenAsync();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static LemmaKey Key(byte number, int length = 16)
    {
        var bytes = new byte[length];
        (bytes[0], bytes[length - 1]) = (number, 0xAB);
        return new LemmaKey(bytes);
    }

    private static Lemma Lemma(byte number, LemmaVerdict verdict, long spent = 10, int version = Version, int length = 16) =>
        new(Key(number, length), verdict, "z3", spent, version);

    private static async Task<PutCount> PutAsync(ILemmaStore store, params Lemma[] lemmas)
    {
        Assert.True((await store.PutLemmasAsync(lemmas, Cancellation)).TryGet(out var count));
        return count;
    }

    private static async Task<IReadOnlyDictionary<LemmaKey, Lemma>> GetAsync(ILemmaStore store, int version, params LemmaKey[] keys)
    {
        Assert.True((await store.GetLemmasAsync(keys, version, Cancellation)).TryGet(out var found));
        return found;
    }

    [Fact]
    public async Task A_lemma_comes_back_as_it_was_put()
    {
        var (store, _) = await OpenAsync();
        var lemma = new Lemma(Key(1, 32), LemmaVerdict.Proved, "normal form, über alles", long.MaxValue, Version);
        Assert.Equal(new PutCount(1, 0, 0), await PutAsync(store, lemma));
        Assert.Equal(lemma, (await GetAsync(store, Version, lemma.Key)).Values.Single());
    }

    [Fact]
    public async Task Only_what_is_known_is_in_the_answer()
    {
        var (store, _) = await OpenAsync();
        await PutAsync(store, Lemma(1, LemmaVerdict.Proved), Lemma(2, LemmaVerdict.Refuted));
        var found = await GetAsync(store, Version, Key(1), Key(2), Key(3), Key(1));
        Assert.Equal([Key(1), Key(2)], found.Keys.Order(Comparer<LemmaKey>.Create((a, b) => string.CompareOrdinal(a.ToString(), b.ToString()))));
        Assert.Empty(await GetAsync(store, Version));
    }

    [Fact]
    public async Task Versions_that_nobody_uses_are_forgotten()
    {
        var (store, _) = await OpenAsync();
        await PutAsync(store, Lemma(1, LemmaVerdict.Proved), Lemma(1, LemmaVerdict.Proved, version: 7), Lemma(2, LemmaVerdict.Proved, version: 7), Lemma(1, LemmaVerdict.Proved, version: 8));
        Assert.True((await store.ForgetOtherVersionsAsync(Version, 1, Cancellation)).TryGet(out var forgotten));
        Assert.Equal(1, forgotten);
        Assert.Single(await GetAsync(store, Version, Key(1), Key(2)));
        Assert.Equal(2, (await GetAsync(store, 7, Key(1), Key(2))).Count);
        Assert.Empty(await GetAsync(store, 8, Key(1), Key(2)));
        Assert.True((await store.ForgetOtherVersionsAsync(8, 0, Cancellation)).TryGet(out forgotten));
        Assert.Equal(3, forgotten);
    }

    [Fact]
    public async Task All_lemmas_are_those_of_one_version()
    {
        var (store, _) = await OpenAsync();
        await PutAsync(store, Lemma(1, LemmaVerdict.Proved), Lemma(2, LemmaVerdict.Undecided, length: 32), Lemma(3, LemmaVerdict.Proved, version: Version + 1));
        Assert.True((await store.GetAllLemmasAsync(Version, Cancellation)).TryGet(out var found));
        Assert.Equal(new[] { Lemma(1, LemmaVerdict.Proved), Lemma(2, LemmaVerdict.Undecided, length: 32) }, found.OrderBy(lemma => lemma.Key.Length));
    }

    [Fact]
    public async Task Keys_of_different_lengths_are_different_keys()
    {
        var (store, _) = await OpenAsync();
        var shorter = new LemmaKey(new byte[16]);
        var longer = new LemmaKey(new byte[32]);
        await PutAsync(store, new Lemma(shorter, LemmaVerdict.Proved, "z3", 1, Version));
        Assert.Empty(await GetAsync(store, Version, longer));
    }

    [Fact]
    public async Task Putting_the_same_again_changes_nothing()
    {
        var (store, _) = await OpenAsync();
        await PutAsync(store, Lemma(1, LemmaVerdict.Proved, spent: 10));
        Assert.Equal(new PutCount(0, 1, 0), await PutAsync(store, Lemma(1, LemmaVerdict.Proved, spent: 99)));
        Assert.Equal(10, (await GetAsync(store, Version, Key(1)))[Key(1)].ResourceSpent);
    }

    [Fact]
    public async Task A_decision_replaces_an_undecided_lemma_and_more_effort_a_lesser_one()
    {
        var (store, _) = await OpenAsync();
        await PutAsync(store, Lemma(1, LemmaVerdict.Undecided, spent: 10));
        Assert.Equal(1, (await PutAsync(store, Lemma(1, LemmaVerdict.Undecided, spent: 20))).Changed);
        Assert.Equal(1, (await PutAsync(store, Lemma(1, LemmaVerdict.Undecided, spent: 15))).Known);
        Assert.Equal(20, (await GetAsync(store, Version, Key(1)))[Key(1)].ResourceSpent);
        Assert.Equal(1, (await PutAsync(store, Lemma(1, LemmaVerdict.Refuted, spent: 5))).Changed);
        Assert.Equal(1, (await PutAsync(store, Lemma(1, LemmaVerdict.Undecided, spent: 90))).Known);
        Assert.Equal(LemmaVerdict.Refuted, (await GetAsync(store, Version, Key(1)))[Key(1)].Verdict);
    }

    [Fact]
    public async Task A_contradiction_is_counted_and_the_first_verdict_stays()
    {
        var (store, _) = await OpenAsync();
        await PutAsync(store, Lemma(1, LemmaVerdict.Proved));
        Assert.Equal(new PutCount(1, 0, 1), await PutAsync(store, Lemma(1, LemmaVerdict.Refuted), Lemma(2, LemmaVerdict.Proved)));
        Assert.Equal(LemmaVerdict.Proved, (await GetAsync(store, Version, Key(1)))[Key(1)].Verdict);
    }

    [Fact]
    public async Task The_versions_of_the_checker_do_not_see_each_other()
    {
        var (store, rules) = await OpenAsync();
        await PutAsync(store, Lemma(1, LemmaVerdict.Proved), Lemma(1, LemmaVerdict.Refuted, version: Version + 1));
        Assert.Equal(LemmaVerdict.Proved, (await GetAsync(store, Version, Key(1)))[Key(1)].Verdict);
        Assert.Equal(LemmaVerdict.Refuted, (await GetAsync(store, Version + 1, Key(1)))[Key(1)].Verdict);
        Assert.Empty(await GetAsync(store, Version + 2, Key(1)));
        await rules.PutLearnedRulesAsync([new LearnedRule("r", 32, "z3", "", Version)], Cancellation);
        Assert.True((await rules.GetLearnedRulesAsync(Version + 1, Cancellation)).TryGet(out var others));
        Assert.Empty(others);
    }

    [Fact]
    public async Task Rules_come_back_in_the_order_of_their_texts_whoever_put_them_when()
    {
        var (_, store) = await OpenAsync();
        LearnedRule Rule(string text) => new(text, 64, "z3", "(add x y) in some module", Version);
        await store.PutLearnedRulesAsync([Rule("b: x"), Rule("Z: x")], Cancellation);
        Assert.True((await store.PutLearnedRulesAsync([Rule("a: x"), Rule("b: x"), Rule("~: x")], Cancellation)).TryGet(out var count));
        Assert.Equal(new PutCount(2, 1, 0), count);
        Assert.True((await store.GetLearnedRulesAsync(Version, Cancellation)).TryGet(out var found));
        Assert.Equal(["Z: x", "a: x", "b: x", "~: x"], found.Select(rule => rule.Text));
        Assert.Equal(Rule("a: x"), found[1]);
    }

    [Fact]
    public async Task The_first_put_of_a_rule_stays_as_it_is()
    {
        var (_, store) = await OpenAsync();
        await store.PutLearnedRulesAsync([new LearnedRule("r", 32, "z3", "first", Version)], Cancellation);
        await store.PutLearnedRulesAsync([new LearnedRule("r", 32, "patience", "second", Version)], Cancellation);
        Assert.True((await store.GetLearnedRulesAsync(Version, Cancellation)).TryGet(out var found));
        Assert.Equal("first", found.Single().Origin);
    }

    [Fact]
    public async Task Many_at_once_lose_nothing()
    {
        var (store, _) = await OpenAsync();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(writer => Task.Run(
            async () =>
            {
                for (var batch = 0; batch < 5; batch++)
                {
                    await PutAsync(store, [.. Enumerable.Range(0, 40).Select(i => Lemma((byte)(i + (batch * 40)), LemmaVerdict.Proved, spent: writer))]);
                }
            },
            Cancellation)));
        Assert.Equal(200, (await GetAsync(store, Version, [.. Enumerable.Range(0, 200).Select(i => Key((byte)i))])).Count);
    }

    [Fact]
    public async Task A_cancelled_call_says_so_and_the_store_goes_on()
    {
        var (store, _) = await OpenAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => store.PutLemmasAsync([Lemma(1, LemmaVerdict.Proved)], new CancellationToken(true)));
        Assert.Empty(await GetAsync(store, Version, Key(1)));
        Assert.Equal(1, (await PutAsync(store, Lemma(1, LemmaVerdict.Proved))).Changed);
    }
}

/// <summary>The store of one process.</summary>
public sealed class InMemoryStoreTests : StoreConformance
{
    protected override Task<(ILemmaStore Lemmas, ILearnedRuleStore Rules)> OpenAsync()
    {
        var store = new InMemoryStore();
        return Task.FromResult<(ILemmaStore, ILearnedRuleStore)>((store, store));
    }
}
