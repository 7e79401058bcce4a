using Mewe.Diversify.Selection;

namespace Mewe.Diversify.Tests;

public sealed class SelectionTests
{
    private static readonly FunctionInput Function = BodyGenerator.Generate(SeededRandom.For(3, [], 0, "select"));
    private static readonly CandidateVariant[] Pool = [.. Diversifier.Default.Propose(Function, new DiversifyOptions { MaxCandidates = 120 })];
    private static readonly VariantCode Original = new(Function.Code);

    [Fact]
    public void Chosen_candidates_are_distinct_and_as_many_as_asked_for()
    {
        var selection = VariantSelector.Select(Original, Pool, 16);
        Assert.Equal(16, selection.Chosen.Length);
        Assert.Equal(16, selection.Chosen.Select(index => Pool[index].Hash).Distinct().Count());
        Assert.True(selection.MinimalDistance > 0);
    }

    [Fact]
    public void The_reported_distance_is_the_smallest_between_any_two()
    {
        var selection = VariantSelector.Select(Original, Pool, 12);
        var reference = Function.Code.Instructions.Length;
        InstructionShingles[] all = [InstructionShingles.Of(Original, reference), .. selection.Chosen.Select(index => InstructionShingles.Of(Pool[index].Code, reference))];
        var smallest = all.SelectMany((a, i) => all[(i + 1)..].Select(a.DistanceTo)).Min();
        Assert.Equal(smallest, selection.MinimalDistance, 12);
    }

    [Fact]
    public void Farthest_first_is_better_than_taking_the_first()
    {
        var reference = Function.Code.Instructions.Length;
        InstructionShingles[] first = [InstructionShingles.Of(Original, reference), .. Pool.Take(16).Select(item => InstructionShingles.Of(item.Code, reference))];
        Assert.True(VariantSelector.Select(Original, Pool, 16).MinimalDistance > first.SelectMany((a, i) => first[(i + 1)..].Select(a.DistanceTo)).Min());
    }

    [Fact]
    public void Equal_candidates_are_chosen_once()
    {
        CandidateVariant[] doubled = [Pool[0], Pool[0], Pool[1], Pool[1]];
        Assert.Equal(2, VariantSelector.Select(Original, doubled, 16).Chosen.Length);
    }

    [Fact]
    public void The_same_pool_gives_the_same_choice() =>
        Assert.Equal(VariantSelector.Select(Original, Pool, 20).Chosen, VariantSelector.Select(Original, Pool, 20).Chosen);

    [Fact]
    public void A_shape_is_at_distance_zero_from_itself_and_at_most_one_from_others()
    {
        var shape = InstructionShingles.Of(Original, 100);
        Assert.Equal(0, shape.DistanceTo(shape));
        Assert.All(Pool, candidate => Assert.InRange(shape.DistanceTo(InstructionShingles.Of(candidate.Code, 100)), 0.0001, 1));
    }
}
