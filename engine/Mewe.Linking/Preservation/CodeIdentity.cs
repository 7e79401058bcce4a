using Mewe.Execution;

namespace Mewe.Linking.Preservation;

/// <summary>What tells the machine code of two versions of a function apart.</summary>
/// <remarks>
/// A version with outlined functions consists of several: which index these got is no difference, so their calls are compared by shape, and their code is part of the identity.
/// </remarks>
internal static class CodeIdentity
{
    public static string Of(FunctionMachineCode code, IEnumerable<FunctionMachineCode> outlined)
    {
        var parts = outlined.Select(function => function.Shape.ToString("x32", null)).Order(StringComparer.Ordinal).ToList();
        return parts.Count == 0 ? code.Digest.ToString("x32", null) : $"{code.Shape:x32}+{string.Join('+', parts)}";
    }

    /// <summary>Numbers identities from 0 in the order in which they first appear: equal ones get the same number.</summary>
    public static IEnumerable<int> Number(IEnumerable<string> identities)
    {
        var numbers = new Dictionary<string, int>();
        foreach (var identity in identities)
        {
            if (!numbers.TryGetValue(identity, out var number))
            {
                numbers.Add(identity, number = numbers.Count);
            }

            yield return number;
        }
    }
}
