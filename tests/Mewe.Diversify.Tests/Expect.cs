using Mewe.Diversify.Tests.Evaluation;

namespace Mewe.Diversify.Tests;

/// <summary>Compares runs of an original and a candidate by everything that can be observed.</summary>
internal static class Expect
{
    /// <summary>False where one of them ran out of fuel, so that nothing can be said.</summary>
    public static bool SameOutcome(FunctionInput function, CandidateVariant candidate, ReadOnlySpan<Value> arguments, ulong seed, string what)
    {
        var expected = new Machine(function.Module).Run(function.Type, new VariantCode(function.Code), arguments, seed);
        var actual = new Machine(function.Module, 200_000).Run(function.Type, candidate.Code, arguments, seed);
        if (expected.End == "fuel" || actual.End == "fuel")
        {
            return false;
        }

        if (expected != actual)
        {
            Assert.Fail($"""
                {what}: {string.Join(" ", candidate.Steps)} changes the function
                arguments {string.Join(", ", arguments.ToArray())}
                expected {expected}
                actual   {actual}
                original {string.Join("; ", function.Code.Instructions)}
                variant  {string.Join("; ", candidate.Code.Code.Instructions)}
                """);
        }

        return true;
    }
}
