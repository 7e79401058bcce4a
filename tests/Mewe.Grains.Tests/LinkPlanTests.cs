using System.Text;
using Mewe.Linking;

namespace Mewe.Grains.Tests;

/// <summary>Plans as files.</summary>
public sealed class LinkPlanTests
{
    private static readonly LinkPlan Plan = new(LinkPlan.CurrentVersion, "1.0.0", "ab", "variants=2", new PlanBasis("measured", "v8 1", "what", 12.5, 1.05, 1.04, 1.06, true),
    [
        new PlannedFunction(3, DispatchMode.Periodic, 64, DispatchForm.BinarySearch, true, 12.5, [4, 0, 7], 2) { Inlines = [4, 9] },
        new PlannedFunction(4, null, null, null, null, null, []),
    ]);

    [Fact]
    public void APlanComesBackAsItWasWritten()
    {
        Assert.Equal(Plan, LinkPlan.Parse(Plan.ToJson()));
        Assert.Equal(Plan, LinkPlan.Parse(Encoding.UTF8.GetBytes(Plan.ToCompactJson())));
        Assert.Equal(new FunctionDispatch(DispatchMode.Periodic) { Period = 64, Form = DispatchForm.BinarySearch, Bound = true }, LinkPlan.Parse(Plan.ToJson()).Functions[0].LinkedDispatch);
        Assert.Equal([4u, 9u], LinkPlan.Parse(Plan.ToJson()).Functions[0].Inlines!.Value);
        Assert.Null(LinkPlan.Parse(Plan.ToJson()).Functions[1].LinkedDispatch);
        Assert.Contains("\"periodic\"", Plan.ToCompactJson(), StringComparison.Ordinal);
    }

    [Fact]
    public void WhereThePolicySaysWhenToChooseAPlanMayStillBindCalls() =>
        Assert.Equal(new FunctionDispatch(DispatchMode.Call) { Bound = true }, new PlannedFunction(4, null, null, null, true, 12.5, [1]).LinkedDispatch);

    [Theory]
    [InlineData("", "this is no plan")]
    [InlineData("null", "parts of it are missing")]
    [InlineData("{}", "no plan")]
    [InlineData("{\"version\":2,\"tool\":\"\",\"source\":\"\",\"options\":\"\",\"basis\":{\"profile\":\"none\",\"engine\":\"\"},\"functions\":[null]}", "parts of it are missing")]
    [InlineData("{\"version\":1,\"tool\":\"\",\"source\":\"\",\"options\":\"\",\"basis\":{\"profile\":\"none\",\"engine\":\"\"},\"functions\":[]}", "version 1")]
    [InlineData("{\"version\":3,\"tool\":\"\",\"source\":\"\",\"options\":\"\",\"basis\":{\"profile\":\"none\",\"engine\":\"\"},\"functions\":[]}", "version 3")]
    [InlineData("{\"version\":1,\"extra\":2}", "no property \"extra\"")]
    public void WhatIsNoPlanIsAnErrorThatSaysWhy(string json, string reason) =>
        Assert.Contains(reason, Assert.Throws<PlanFormatException>(() => LinkPlan.Parse(Encoding.UTF8.GetBytes(json))).Message, StringComparison.Ordinal);
}
