using OpenAutoGlm.Graph.Formats;

namespace OpenAutoGlm.Cpu.Kernels.MatMul.Layouts;

// The numbers of the formats as constants that the compiler sees; a test compares them with the definitions.

readonly struct Q4_1Numbers : IStagedFormat
{
    public static TensorFormat Format => TensorFormat.Q4_1;

    public static int BlockElements => 32;

    public static int BlockBytes => 20;

    public static int GroupElements => 32;

    public static bool HasMinimum => true;

    public static int LeastCode => 0;

    public static int GreatestCode => 15;
}

readonly struct Q5_0Numbers : IStagedFormat
{
    public static TensorFormat Format => TensorFormat.Q5_0;

    public static int BlockElements => 32;

    public static int BlockBytes => 22;

    public static int GroupElements => 32;

    public static bool HasMinimum => false;

    public static int LeastCode => -16;

    public static int GreatestCode => 15;
}

readonly struct Q5_1Numbers : IStagedFormat
{
    public static TensorFormat Format => TensorFormat.Q5_1;

    public static int BlockElements => 32;

    public static int BlockBytes => 24;

    public static int GroupElements => 32;

    public static bool HasMinimum => true;

    public static int LeastCode => 0;

    public static int GreatestCode => 31;
}

readonly struct Q2_KNumbers : IStagedFormat
{
    public static TensorFormat Format => TensorFormat.Q2_K;

    public static int BlockElements => 256;

    public static int BlockBytes => 84;

    public static int GroupElements => 16;

    public static bool HasMinimum => true;

    public static int LeastCode => 0;

    public static int GreatestCode => 3;
}

readonly struct Q3_KNumbers : IStagedFormat
{
    public static TensorFormat Format => TensorFormat.Q3_K;

    public static int BlockElements => 256;

    public static int BlockBytes => 110;

    public static int GroupElements => 16;

    public static bool HasMinimum => false;

    public static int LeastCode => -4;

    public static int GreatestCode => 3;
}

readonly struct Q5_KNumbers : IStagedFormat
{
    public static TensorFormat Format => TensorFormat.Q5_K;

    public static int BlockElements => 256;

    public static int BlockBytes => 176;

    public static int GroupElements => 32;

    public static bool HasMinimum => true;

    public static int LeastCode => 0;

    public static int GreatestCode => 31;
}

readonly struct IQ4_NLNumbers : IStagedFormat
{
    public static TensorFormat Format => TensorFormat.IQ4_NL;

    public static int BlockElements => 32;

    public static int BlockBytes => 18;

    public static int GroupElements => 32;

    public static bool HasMinimum => false;

    public static int LeastCode => -127;

    public static int GreatestCode => 113;
}

readonly struct IQ4_XSNumbers : IStagedFormat
{
    public static TensorFormat Format => TensorFormat.IQ4_XS;

    public static int BlockElements => 256;

    public static int BlockBytes => 136;

    public static int GroupElements => 32;

    public static bool HasMinimum => false;

    public static int LeastCode => -127;

    public static int GreatestCode => 113;
}

readonly struct MXFP4Numbers : IStagedFormat
{
    public static TensorFormat Format => TensorFormat.MXFP4;

    public static int BlockElements => 32;

    public static int BlockBytes => 17;

    public static int GroupElements => 32;

    public static bool HasMinimum => false;

    public static int LeastCode => -12;

    public static int GreatestCode => 12;
}

readonly struct Q8_0Numbers : IStagedFormat
{
    public static TensorFormat Format => TensorFormat.Q8_0;

    public static int BlockElements => 32;

    public static int BlockBytes => 34;

    public static int GroupElements => 32;

    public static bool HasMinimum => false;

    public static int LeastCode => -128;

    public static int GreatestCode => 127;
}

readonly struct Q4_0Numbers : IStagedFormat
{
    public static TensorFormat Format => TensorFormat.Q4_0;

    public static int BlockElements => 32;

    public static int BlockBytes => 18;

    public static int GroupElements => 32;

    public static bool HasMinimum => false;

    public static int LeastCode => -8;

    public static int GreatestCode => 7;
}

readonly struct Q4_KNumbers : IStagedFormat
{
    public static TensorFormat Format => TensorFormat.Q4_K;

    public static int BlockElements => 256;

    public static int BlockBytes => 144;

    public static int GroupElements => 32;

    public static bool HasMinimum => true;

    public static int LeastCode => 0;

    public static int GreatestCode => 15;
}

readonly struct Q6_KNumbers : IStagedFormat
{
    public static TensorFormat Format => TensorFormat.Q6_K;

    public static int BlockElements => 256;

    public static int BlockBytes => 210;

    public static int GroupElements => 16;

    public static bool HasMinimum => false;

    public static int LeastCode => -32;

    public static int GreatestCode => 31;
}
