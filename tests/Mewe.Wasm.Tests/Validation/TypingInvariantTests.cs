using Mewe.Wasm.Binary;
using Mewe.Wasm.Tests.Shared;
using Mewe.Wasm.Validation;

namespace Mewe.Wasm.Tests.Validation;

/// <summary>What typing says of one instruction agrees with what it says of the next, in real code.</summary>
public sealed class TypingInvariantTests(ITestOutputHelper output)
{
    [Fact]
    public void Typing_of_every_corpus_function_is_consistent() => Check([.. Corpus.Modules("typing of the corpus")]);

    [Fact]
    public void Typing_of_every_function_of_the_suite_is_consistent() =>
        Check([.. SpecSuite.InScope("typing of the official suite").Where(module => module.Type == "module").Select(module => (module.ToString(), module.Bytes))]);

    private void Check(IReadOnlyList<(string Name, byte[] Bytes)> modules)
    {
        long instructions = 0;
        foreach (var (name, bytes) in modules)
        {
            var module = ModuleReader.Read(bytes);
            var context = ModuleContext.Create(module);
            for (var i = 0; i < module.Bodies.Count; i++)
            {
                var code = module.Bodies[i].Decode();
                var type = context.TypeOfFunction((uint)(context.ImportedFunctionCount + i));
                Check($"{name}, body {i}", type, code, FunctionValidator.Analyze(context, type, code));
                instructions += code.Instructions.Length;
            }
        }

        output.WriteLine($"instructions whose typing is consistent: {instructions}");
        Assert.True(instructions > 0);
    }

    private static void Check(string name, FunctionType type, FunctionCode code, FunctionTyping typing)
    {
        var i = 0;
        Assert.Equal(code.Instructions.Length, typing.Count);
        That(typing.StackHeight(0) == 0 && typing.IsReachable(0));
        for (; i < typing.Count; i++)
        {
            var instruction = code.Instructions[i];
            var taken = typing.Operands(i);
            var given = typing.Results(i);
            if (typing.IsReachable(i))
            {
                That(taken.Length <= typing.StackHeight(i) && !taken.Contains(ValueType.Bottom) && !given.Contains(ValueType.Bottom));
            }

            if (i + 1 < typing.Count && typing.IsReachable(i) && !instruction.EndsControl)
            {
                That(typing.StackHeight(i) - taken.Length + given.Length == typing.StackHeight(i + 1));
                That(typing.IsReachable(i + 1));
            }

            if (instruction.EndsControl)
            {
                That(given.IsEmpty && (i + 1 == typing.Count || !typing.IsReachable(i + 1) || code.Instructions[i + 1].Opcode is Opcode.End));
            }

            var partner = typing.Matching(i);
            That(partner >= 0 == (instruction.OpensBlock || instruction.Opcode is Opcode.Else or Opcode.Catch or Opcode.CatchAll or Opcode.Delegate
                || (instruction.Opcode == Opcode.End && i + 1 < typing.Count)));
            if (instruction.OpensBlock)
            {
                That(partner > i && typing.Matching(partner) == i && typing.Depth(partner) == typing.Depth(i) + 1);
            }

            if (typing.Else(i) is var other and >= 0)
            {
                That(code.Instructions[i].Opcode == Opcode.If && code.Instructions[other].Opcode == Opcode.Else && typing.Matching(other) == partner);
            }
        }

        That(typing.Results(typing.Count - 1).SequenceEqual(type.Results.AsSpan()));

        void That(bool condition)
        {
            if (!condition)
            {
                Assert.Fail($"{name}, instruction {i}: {(i < typing.Count ? code.Instructions[i].ToString() : "")}");
            }
        }
    }
}
