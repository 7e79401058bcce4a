using static Mewe.Execution.Tests.ModuleAssembler;

namespace Mewe.Execution.Tests;

/// <summary>Harness modules as the equivalence tester would build them, cut down to what the engine must understand.</summary>
internal static class HarnessModules
{
    /// <summary>Puts the value on the stack into the observed cell.</summary>
    public static readonly byte[] Observe = [0x24, 0];

    /// <summary>Sets the outcome cell.</summary>
    public static byte[] SetOutcome(int outcome) => [.. I32Const(outcome), 0x24, 1];

    /// <summary>The input times the factor becomes what is observed: two subjects agree when their factors do.</summary>
    public static byte[] Multiply(long factor) => [0x20, 0, 0xac, .. I64Const(factor), 0x7e, .. Observe];

    /// <summary>The bodies when the input equals the number, else other bodies.</summary>
    public static byte[] WhenInputIs(int input, byte[] then, byte[] otherwise) =>
        [0x20, 0, .. I32Const(input), 0x46, 0x04, 0x40, .. then, 0x05, .. otherwise, 0x0b];

    /// <summary>A harness with the given subjects. Every subject starts with the outcome and the observed value at 0.</summary>
    public static byte[] Of(params byte[][] subjects) => Assemble(subjects).ToArray();

    public static ModuleAssembler Assemble(params byte[][] subjects)
    {
        var module = new ModuleAssembler();
        module.Memory(1, "coverage");
        module.Global(I64, true, I64Const(0));
        module.Global(I32, true, I32Const(0));
        for (var k = 0; k < subjects.Length; k++)
        {
            module.Exported($"subject_{k}", [I32], [], [.. I64Const(0), .. Observe, .. SetOutcome(0), .. subjects[k]]);
        }

        return module.Exported("digest", [], [I64], [0x23, 0]).Exported("outcome", [], [I32], [0x23, 1]);
    }
}
